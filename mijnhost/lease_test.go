package mijnhost_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// processes are several webhooks of one cluster, and the Leases between them.
func (b bubble) processes(n int) (processes []*mijnhost.Provider, leases *leasetest.Cluster) {
	b.Helper()
	leases = leasetest.StartInMemory(b.T)
	for range n {
		own := kubelease.New("webhook")
		b.must(own.Connect(leases.Config(nil)))
		o := b.options()
		o.Leases = own
		processes = append(processes, mijnhost.NewProvider(o))
	}
	return processes, leases
}

// delegate presents a value of a Challenge whose CNAME leads to the name.
func (b bubble) delegate(p *mijnhost.Provider, value string) error {
	b.cluster.create(value)
	return b.in(func(ctx context.Context) error {
		_, err := p.Present(ctx, testKey, dnshost.TXT{Zone: testZone, FQDN: testName, Value: padded(value), TTL: 60, Delegated: true})
		return err
	})
}

// TestPresent_CNAMEsToOneName: what one process wrote is safe from another one, also while reads do not show it.
func TestPresent_CNAMEsToOneName(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, withPatch(readings, mijnhosttest.PatchReplaces), func(b bubble) {
				processes, _ := b.processes(2)
				b.must(b.delegate(processes[0], "first"))
				if err := b.delegate(processes[1], "second"); !errors.Is(err, mijnhost.ErrNameInUse) {
					b.Errorf("got %v, want ErrNameInUse", err)
				}
				b.wantValues("first")
				b.must(retry(func() error { return b.removeBy(processes[0], "first") }, 4))
				b.must(retry(func() error { return b.delegate(processes[1], "second") }, 5))
				b.wantValues("second")
				b.wantOthersUntouched()
			})
		})
	}
}

// TestPresent_LostLease: who lost the Lease writes nothing.
func TestPresent_LostLease(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		processes, leases := b.processes(1)
		leases.Inject(func(r leasetest.Request) leasetest.Fault {
			if r.Method == http.MethodPut && !r.Releases {
				return leasetest.Fault{Status: http.StatusConflict}
			}
			return leasetest.Fault{}
		})
		if err := b.delegate(processes[0], "value"); !errors.Is(err, keylock.ErrLost) {
			b.Errorf("got %v, want ErrLost", err)
		}
		b.wantCalls(read)
	})
}

// TestPresent_NoLease: without a CNAME there is none, and no Lease means no write.
func TestPresent_NoLease(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		processes, leases := b.processes(1)
		leases.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Status: http.StatusForbidden} })
		b.must(b.addBy(processes[0], "not-delegated"))
		b.api.ResetRequests()
		if err := b.delegate(processes[0], "value"); !errors.Is(err, kubelease.ErrForbidden) {
			b.Errorf("got %v, want ErrForbidden", err)
		}
		b.wantCalls()
	})
}

// TestPresent_KilledHolder: another process follows once the Lease of one that was killed has run out.
func TestPresent_KilledHolder(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		processes, leases := b.processes(1)
		killed := kubelease.New("webhook")
		b.must(killed.Connect(leases.Config(nil)))
		if _, err := killed.Acquire(b.Context(), "mijn-host "+testName); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		b.must(retry(func() error { return b.delegate(processes[0], "value") }, 5))
		if took := time.Since(begun); took > 45*time.Second {
			b.Errorf("took %s, want at most 45 s", took)
		}
	})
}
