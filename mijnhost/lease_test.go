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

// processes returns n webhooks of one cluster, and their Leases.
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

// delegate presents a value of a Challenge whose CNAME points to the name.
func (b bubble) delegate(p *mijnhost.Provider, value string) error {
	b.cluster.create(value)
	return b.in(func(ctx context.Context) error {
		_, err := p.Present(ctx, testKey, dnshost.TXT{Zone: testZone, FQDN: testName, Value: padded(value), TTL: 60, Delegated: true})
		return err
	})
}

// A process keeps the values of another process, even if reads do not show them yet.
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

// A process that lost the Lease does not write.
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

// A Lease is required only with a CNAME. Without it, nothing is written.
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

// The Lease of a killed process expires, and another process takes over.
func TestPresent_KilledHolder(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		processes, leases := b.processes(1)
		killed := kubelease.New("webhook")
		b.must(killed.Connect(leases.Config(nil)))
		if _, err := killed.Acquire(b.Context(), "mijn-host "+testName); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		b.must(retry(func() error { return b.delegate(processes[0], "value") }, 5))
		if elapsed := time.Since(start); elapsed > 45*time.Second {
			b.Errorf("took %s, want at most 45 s", elapsed)
		}
	})
}
