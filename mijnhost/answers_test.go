package mijnhost_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const show = mijnhosttest.OpShowDomain

// wantCost bounds what a step of a test has cost since cost() was called.
func (b bubble) cost() (want func(calls int, took time.Duration)) {
	calls, begun := b.api.Calls(), time.Now()
	return func(most int, longest time.Duration) {
		b.Helper()
		gotCalls, took := b.api.Calls()-calls, time.Since(begun)
		b.Logf("%d calls, %s", gotCalls, took.Round(time.Millisecond))
		if gotCalls > most || took > longest {
			b.Errorf("%d calls and %s, want at most %d and %s", gotCalls, took, most, longest)
		}
	}
}

// untilDone makes a call as cert-manager does: again after a pause that doubles.
func (b bubble) untilDone(call func() error) {
	b.Helper()
	b.must(retry(call, 8))
}

func otherShapes() map[string]struct {
	op   mijnhosttest.Operation
	kind mijnhosttest.Kind
} {
	type shape = struct {
		op   mijnhosttest.Operation
		kind mijnhosttest.Kind
	}
	return map[string]shape{
		"an array for the data of a read":        {read, mijnhosttest.DataIsArray()},
		"no data of a read":                      {read, mijnhosttest.NoData()},
		"TTLs in text":                           {read, mijnhosttest.TextTTL()},
		"null for the records":                   {read, mijnhosttest.NullRecords()},
		"an array for the data of the domains":   {list, mijnhosttest.DataIsArray()},
		"no data of the domains":                 {list, mijnhosttest.NoData()},
		"domains that are texts and not objects": {list, mijnhosttest.TextDomains()},
	}
}

// TestPresent_UnexpectedResponse: it is tried again a few times with back-off, and is then called unexpected.
func TestPresent_UnexpectedResponse(t *testing.T) {
	t.Parallel()
	for name, shape := range otherShapes() {
		for callName, call := range map[string]func(bubble, string) error{"Present": bubble.addBelow, "CleanUp": bubble.removeBelow} {
			t.Run(callName+", "+name, func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{}, func(b bubble) {
					b.api.Inject(mijnhosttest.Fault{Op: shape.op, Domain: domainOf(shape.op), Kind: shape.kind})
					want := b.cost()
					if err := call(b, "value"); err == nil || err.Error() != "unexpected answer from mijn.host (HTTP 200)" {
						b.Errorf("got %v", err)
					}
					want(12, callLimit)
				})
			})
			t.Run(callName+", once, "+name, func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{}, func(b bubble) {
					b.api.Inject(mijnhosttest.Fault{Op: shape.op, Domain: domainOf(shape.op), Kind: shape.kind, Times: 1})
					want := b.cost()
					b.must(call(b, "value"))
					want(6, 2*time.Second)
				})
			})
		}
	}
}

// domainOf is the domain that a call of the operation speaks of.
func domainOf(op mijnhosttest.Operation) string {
	if op == list {
		return ""
	}
	return "example.nl"
}

func (b bubble) removeBelow(value string) error {
	return b.in(func(ctx context.Context) error {
		return cleanUp(ctx, b.Provider, "sub.example.nl.", "_acme-challenge.sub.example.nl.", value)
	})
}

// TestCleanUp_PassingNotManaged: one answer that the nameservers are elsewhere is no reason to give up.
func TestCleanUp_PassingNotManaged(t *testing.T) {
	t.Parallel()
	for _, omitted := range []bool{false, true} {
		inBubble(t, mijnhosttest.Options{OmitManagedDNS: omitted}, func(b bubble) {
			b.must(b.add("value"))
			b.api.Inject(mijnhosttest.Fault{Op: read, Kind: mijnhosttest.DNSElsewhere(), Times: 1})
			want := b.cost()
			b.untilDone(func() error { return b.remove("value") })
			want(5, 10*time.Second)
			b.wantValues()
		})
	}
}

// TestCleanUp_NotManagedForAMoment: the second answer is asked for some seconds later.
func TestCleanUp_NotManagedForAMoment(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{OmitManagedDNS: true}, func(b bubble) {
		b.must(b.add("value"))
		b.api.Inject(mijnhosttest.Fault{Op: read, Kind: mijnhosttest.DNSElsewhere(), Until: 3 * time.Second})
		if err := b.remove("value"); errors.As(err, new(*dnshost.LeftBehindError)) {
			b.Fatalf("given up: %v", err)
		}
		b.must(b.remove("value"))
		b.wantValues()
	})
}

// TestCleanUp_NotManaged: it gives up once managed_dns, or else a second answer some seconds later, agrees.
func TestCleanUp_NotManaged(t *testing.T) {
	t.Parallel()
	for omitted, calls := range map[bool][]mijnhosttest.Operation{false: {read, show}, true: {read, show, read}} {
		inBubble(t, mijnhosttest.Options{OmitManagedDNS: omitted}, func(b bubble) {
			b.must(b.add("value"))
			b.api.SetDNSElsewhere("example.nl")
			b.api.ResetRequests()
			want := b.cost()
			if err := b.remove("value"); !errors.As(err, new(*dnshost.LeftBehindError)) {
				b.Errorf("got %v, want a LeftBehindError", err)
			}
			b.wantCalls(calls...)
			if omitted {
				want(3, 6*time.Second)
			} else {
				want(2, 0)
			}
		})
	}
}

// TestPresent_DomainListCutShort: the parents of the name are asked themselves, the longest first.
func TestPresent_DomainListCutShort(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{MaxDomains: 1}, func(b bubble) {
		const zone, fqdn = "b.a.late.nl.", "_acme-challenge.c.b.a.late.nl."
		b.api.AddDomain(testKey, "late.nl")
		b.api.AddDomain(testKey, "a.late.nl")
		want := b.cost()
		b.must(b.in(func(ctx context.Context) error { return present(ctx, b.Provider, testKey, zone, fqdn, "value") }))
		want(7, 0)
		if got := b.valuesIn("a.late.nl"); got != "value" {
			b.Errorf("in a.late.nl: %q", got)
		}
		b.Provider = b.newProvider() // which has found no domain yet
		want = b.cost()
		b.must(b.in(func(ctx context.Context) error { return cleanUp(ctx, b.Provider, zone, fqdn, "value") }))
		want(7, 0)
		if got := b.valuesIn("a.late.nl"); got != "" {
			b.Errorf("left in a.late.nl: %q", got)
		}
	})
}

// TestCleanUp_DomainListShortForAMoment: a domain that the list lacks is no reason to give up.
func TestCleanUp_DomainListShortForAMoment(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.addBelow("value"))
		b.Provider = b.newProvider()
		b.api.Inject(mijnhosttest.Fault{Op: list, Kind: mijnhosttest.ShortDomains(0), Until: time.Second})
		b.must(b.removeBelow("value"))
		if got := b.valuesIn("example.nl"); strings.Contains(got, "value") {
			b.Errorf("left: %q", got)
		}
	})
}

const secondKey = "second-key-of-the-account"

// TestCleanUp_KeyRotated: what was written with one key is cleaned up with another, although reads are empty after each
// write.
func TestCleanUp_KeyRotated(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, readings, func(b bubble) {
				b.must(b.add("value"))
				b.api.AddAccount(secondKey, "example.nl")
				b.api.RevokeKey(testKey)
				want := b.cost()
				b.untilDone(func() error {
					return b.in(func(ctx context.Context) error { return cleanUpWith(ctx, b.Provider, secondKey, "value") })
				})
				want(12, time.Minute)
				b.wantValues()
				b.wantOthersUntouched()
			})
		})
	}
}

func cleanUpWith(ctx context.Context, p *mijnhost.Provider, key, value string) error {
	_, err := p.CleanUp(ctx, key, dnshost.TXT{Zone: testZone, FQDN: testName, Value: padded(value)})
	return err
}

// TestPresent_TwoKeysOfOneAccount: the two know of each other's values, also where a read shows none and the cluster's Challenges
// are hidden.
func TestPresent_TwoKeysOfOneAccount(t *testing.T) {
	t.Parallel()
	for _, hidden := range []bool{false, true} {
		inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces, EmptyAfterWrite: 3 * time.Second}, func(b bubble) {
			b.cluster.hidden = hidden
			b.api.AddAccount(secondKey, "example.nl")
			b.must(b.add("first"))
			err := b.in(func(ctx context.Context) error {
				return present(ctx, b.Provider, secondKey, testZone, testName, "second")
			})
			if !errors.Is(err, mijnhost.ErrNameInUse) {
				b.Errorf("got %v, want ErrNameInUse", err)
			}
			b.wantValues("first")
			// A write with one key explains an empty read with the other.
			err = b.in(func(ctx context.Context) error { return cleanUpWith(ctx, b.Provider, secondKey, "first") })
			if err == nil {
				b.wantValues()
			}
		})
	}
}

// TestCleanUp_PatchFailedWithoutEffect: a value that might exist but is never shown costs 30 s once, not for each attempt.
func TestCleanUp_PatchFailedWithoutEffect(t *testing.T) {
	t.Parallel()
	for _, absent := range []mijnhosttest.DeleteAbsentReading{mijnhosttest.DeleteAbsentFails, mijnhosttest.DeleteAbsentNotFound, mijnhosttest.DeleteAbsentSucceeds} {
		t.Run(absent.String(), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{DeleteAbsent: absent}, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.Status(500)})
				if err := b.add("value"); !errors.Is(err, apiclient.ErrUnavailable) {
					b.Fatalf("got %v, want ErrUnavailable", err)
				}
				want := b.cost()
				b.untilDone(func() error { return b.remove("value") })
				want(30, 35*time.Second)
			})
		})
	}
}

// TestCleanUp_NothingWasSent: a value that never left this process needs no second look.
func TestCleanUp_NothingWasSent(t *testing.T) {
	t.Parallel()
	t.Run("refused connections", func(t *testing.T) {
		onALine(t, func(b bubble, l *line) {
			l.fault, l.op = dialling(syscall.ECONNREFUSED), patch
			if err := b.add("value"); err == nil || err.Error() != "mijn.host cannot be reached: connection refused" {
				b.Errorf("got %v", err)
			}
			want := b.cost()
			b.must(b.remove("value"))
			want(3, 0)
		})
	})
	t.Run("a cool-down", func(t *testing.T) {
		inBubble(t, mijnhosttest.Options{}, func(b bubble) {
			b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Minute)), Times: 1})
			for range 2 {
				if err := b.add("value"); !errors.Is(err, apiclient.ErrRateLimited) {
					b.Errorf("got %v, want ErrRateLimited", err)
				}
			}
			time.Sleep(10 * time.Minute)
			want := b.cost()
			b.must(b.remove("value"))
			want(3, 0)
		})
	})
}

// TestPresent_TooManyCalls: with 60 challenges at once and an API at 4 s a call, those that find no place say so, and what was
// never sent needs no second look.
func TestPresent_TooManyCalls(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Latency: 4 * time.Second}, func(b bubble) {
		addZones(b.api, 60)
		var all sync.WaitGroup
		var mu sync.Mutex
		said := map[string]int{}
		for _, j := range jobsIn(60, 60) {
			all.Go(func() {
				begun := time.Now()
				err := j.add(b.Context(), b.Provider)
				if took := time.Since(begun); took > callLimit {
					b.Errorf("took %s", took)
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					said[err.Error()]++
				}
			})
		}
		all.Wait()
		b.Logf("%v", said)
		waited, cut := said["mijn.host: too many calls in progress for this API key"], said["mijn.host cannot be reached: timed out"]
		if waited < 52 || cut > 8 || waited+cut != 60 { // eight calls are under way when time is up
			b.Errorf("said: %v", said)
		}
	})
}

// TestPresent_ExistsAlready: the same PATCH is refused once it has taken effect, and its first answer got lost. A read is
// proof.
func TestPresent_ExistsAlready(t *testing.T) {
	t.Parallel()
	for _, lost := range []mijnhosttest.Kind{mijnhosttest.DropAfter(), mijnhosttest.AfterEffect(mijnhosttest.Status(500))} {
		inBubble(t, mijnhosttest.Options{PatchSame: mijnhosttest.PatchSameFails}, func(b bubble) {
			b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: lost, Times: 1})
			want := b.cost()
			b.must(b.add("value"))
			want(4, time.Second)
			b.wantCalls(read, patch, patch, read)
			b.must(b.add("value"))
			b.wantValues("value")
		})
	}
}

// TestPresent_PatchRefused: a refusal is no success because another value is shown, or an older copy of this process's own.
func TestPresent_PatchRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.StatusSaying(400, "The record type is not supported")})
		if err := b.add("value"); !apiclient.IsRefusal(err) {
			b.Errorf("got %v, want the refusal", err)
		}
		b.wantCalls(read, patch)
		b.wantValues()
	})
}

// TestPresent_PatchRefusedAndNotShown: having sent the value once does not prove that it exists.
func TestPresent_PatchRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.add("value"))
		b.api.DeleteRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: testName, Value: padded("value"), TTL: 60})
		b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.StatusSaying(400, "no")})
		if err := b.add("value"); !apiclient.IsRefusal(err) {
			b.Errorf("got %v, want the refusal", err)
		}
		b.wantValues()
	})
}

// TestPresent_DomainListedInAnotherForm: domains are compared after IDNA, and asked for as they are listed.
func TestPresent_DomainListedInAnotherForm(t *testing.T) {
	t.Parallel()
	for reading, listed := range map[mijnhosttest.DomainsReading]string{
		mijnhosttest.DomainsUnicode: "bücher.nl",
		mijnhosttest.DomainsUpper:   "XN--BCHER-KVA.NL",
	} {
		for _, zone := range []string{"xn--bcher-kva.nl.", "sub.xn--bcher-kva.nl."} {
			t.Run(listed+" for "+zone, func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{Domains: reading}, func(b bubble) {
					b.api.AddDomain(testKey, "xn--bcher-kva.nl")
					fqdn := "_acme-challenge." + zone
					want := b.cost()
					b.must(b.in(func(ctx context.Context) error { return present(ctx, b.Provider, testKey, zone, fqdn, "value") }))
					want(4, 0)
					if got := b.valuesIn("xn--bcher-kva.nl"); got != "value" {
						b.Errorf("got %q", got)
					}
					b.must(b.in(func(ctx context.Context) error { return cleanUp(ctx, b.Provider, zone, fqdn, "value") }))
					if got := b.valuesIn("xn--bcher-kva.nl"); got != "" {
						b.Errorf("left: %q", got)
					}
					for _, r := range b.api.Requests() {
						if r.Op == patch && r.Path != "/api/v2/domains/"+url.PathEscape(listed)+"/dns" {
							b.Errorf("wrote to %s", r.Path)
						}
					}
				})
			})
		}
	}
}

// TestPresent_PatchAddsInAnotherForm: the operator may write a domain in any form.
func TestPresent_PatchAddsInAnotherForm(t *testing.T) {
	t.Parallel()
	for _, written := range []string{"bücher.nl", "Bücher.NL", "xn--bcher-kva.nl", "XN--BCHER-KVA.nl."} {
		inBubble(t, mijnhosttest.Options{Domains: mijnhosttest.DomainsUnicode}, func(b bubble) {
			b.api.AddDomain(testKey, "xn--bcher-kva.nl")
			o := b.options()
			o.PatchAdds = []string{written}
			b.Provider = mijnhost.NewProvider(o)
			for _, value := range []string{"first", "second"} {
				b.cluster.create(value)
				b.must(b.in(func(ctx context.Context) error {
					return present(ctx, b.Provider, testKey, "xn--bcher-kva.nl.", "_acme-challenge.xn--bcher-kva.nl.", value)
				}))
			}
		})
	}
}

// TestPresent_AddressNotOnAllowList: the message names the address if GET /whoami returns it.
func TestPresent_AddressNotOnAllowList(t *testing.T) {
	t.Parallel()
	const want = "this cluster's IP address is not on the allow-list of the mijn.host API key" +
		" (HTTP 401: Remote IP address is not found in the API key whitelist)"
	for missing, want := range map[bool]string{false: want + "; the address is 192.0.2.200", true: want} {
		inBubble(t, mijnhosttest.Options{NoWhoAmI: missing}, func(b bubble) {
			b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.NotOnAllowList(), When: func(r mijnhosttest.Request) bool { return r.Op != mijnhosttest.OpWhoAmI }})
			for range 2 {
				err := b.add("value")
				if err == nil || err.Error() != want || !errors.Is(err, mijnhost.ErrAddressRefused) || !errors.Is(err, apiclient.ErrKeyRefused) {
					b.Errorf("got %v, want %s", err, want)
				}
			}
			b.wantCalls(read, mijnhosttest.OpWhoAmI, read, mijnhosttest.OpWhoAmI)
		})
	}
}

// TestPresent_TooLargeAnswer: it is as large the next time, so that it is not asked for again.
func TestPresent_TooLargeAnswer(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Op: read, Kind: mijnhosttest.Endless()})
		want := b.cost()
		if err := b.add("value"); err == nil || err.Error() != "mijn.host: response larger than 4 MiB" {
			b.Errorf("got %v", err)
		}
		want(1, 0)
	})
}

// TestCall_CauseIsLogged: at -v=2 alone, without the key and the value.
func TestCall_CauseIsLogged(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		o := b.options()
		o.Transport = transport(func(*http.Request) (*http.Response, error) { return nil, dialling(syscall.ECONNREFUSED) })
		ctx, logged := logTo(b.Context())
		if err := addTo(ctx, mijnhost.NewProvider(o), "value"); err == nil {
			b.Fatal("want an error")
		}
		found := 0
		for _, line := range logged() {
			if strings.Contains(line, "192.0.2.1:443: connection refused") {
				found++
				if !strings.HasPrefix(line, `"level"=2 `) {
					b.Errorf("at another level: %s", line)
				}
			}
			if strings.Contains(line, padded("value")) {
				b.Errorf("the value is shown in %s", line)
			}
		}
		wantNoKey(b.T, logged()...)
		if found == 0 {
			b.Errorf("the cause is not logged:\n%s", strings.Join(logged(), "\n"))
		}
	})
}

// TestSuccess_EveryForm: HTTP 202, a status of 0 in the body, and no data or an empty array for it.
func TestSuccess_EveryForm(t *testing.T) {
	t.Parallel()
	for _, readings := range []mijnhosttest.Options{{StatusZero: true}, {Success202: true}, {EmptyData: true}, {StatusZero: true, Success202: true, EmptyData: true}} {
		t.Run(readings.String(), func(t *testing.T) {
			inBubble(t, readings, func(b bubble) {
				b.must(b.add("value"))
				b.wantValues("value")
				b.must(b.remove("value"))
				b.wantCalls(read, patch, read, del)
				b.wantValues()
			})
		})
	}
}
