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

// cost returns a function that limits the calls and the time since cost was called.
func (b bubble) cost() (want func(calls int, elapsed time.Duration)) {
	calls, start := b.api.Calls(), time.Now()
	return func(most int, longest time.Duration) {
		b.Helper()
		gotCalls, elapsed := b.api.Calls()-calls, time.Since(start)
		b.Logf("%d calls, %s", gotCalls, elapsed.Round(time.Millisecond))
		if gotCalls > most || elapsed > longest {
			b.Errorf("took %d calls and %s, want at most %d and %s", gotCalls, elapsed, most, longest)
		}
	}
}

// untilDone retries a call as cert-manager does: after a pause that doubles.
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
		"read, data is an array":    {read, mijnhosttest.DataIsArray()},
		"read, no data":             {read, mijnhosttest.NoData()},
		"read, TTLs are strings":    {read, mijnhosttest.TextTTL()},
		"read, records are null":    {read, mijnhosttest.NullRecords()},
		"domains, data is an array": {list, mijnhosttest.DataIsArray()},
		"domains, no data":          {list, mijnhosttest.NoData()},
		"domains are strings":       {list, mijnhosttest.TextDomains()},
	}
}

// The call is retried with back-off before the response counts as unexpected.
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

// domainOf returns the domain in a call of the operation.
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

// A single "not managed" response is not conclusive.
func TestCleanUp_NotManagedOnce(t *testing.T) {
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

// The confirming read comes some seconds later.
func TestCleanUp_NotManagedForSeconds(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{OmitManagedDNS: true}, func(b bubble) {
		b.must(b.add("value"))
		b.api.Inject(mijnhosttest.Fault{Op: read, Kind: mijnhosttest.DNSElsewhere(), Until: 3 * time.Second})
		if err := b.remove("value"); errors.As(err, new(*dnshost.LeftBehindError)) {
			b.Fatalf("got %v, want a retryable error", err)
		}
		b.must(b.remove("value"))
		b.wantValues()
	})
}

// CleanUp gives up only if managed_dns or a second response, some seconds later, confirms it.
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

// If the list of domains is truncated, the parents of the name are tried, the longest first.
func TestPresent_DomainListTruncated(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{MaxDomains: 1}, func(b bubble) {
		const zone, fqdn = "b.a.late.nl.", "_acme-challenge.c.b.a.late.nl."
		b.api.AddDomain(testKey, "late.nl")
		b.api.AddDomain(testKey, "a.late.nl")
		want := b.cost()
		b.must(b.in(func(ctx context.Context) error { return present(ctx, b.Provider, testKey, zone, fqdn, "value") }))
		want(7, 0)
		if got := b.valuesIn("a.late.nl"); got != "value" {
			b.Errorf("a.late.nl: got %q", got)
		}
		b.Provider = b.newProvider() // without remembered domains
		want = b.cost()
		b.must(b.in(func(ctx context.Context) error { return cleanUp(ctx, b.Provider, zone, fqdn, "value") }))
		want(7, 0)
		if got := b.valuesIn("a.late.nl"); got != "" {
			b.Errorf("a.late.nl: got %q left behind", got)
		}
	})
}

// A domain missing from the list is not conclusive.
func TestCleanUp_DomainListTruncatedOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.addBelow("value"))
		b.Provider = b.newProvider()
		b.api.Inject(mijnhosttest.Fault{Op: list, Kind: mijnhosttest.ShortDomains(0), Until: time.Second})
		b.must(b.removeBelow("value"))
		if got := b.valuesIn("example.nl"); strings.Contains(got, "value") {
			b.Errorf("got %q left behind", got)
		}
	})
}

const secondKey = "second-key-of-the-account"

// A value written with one key is cleaned up with another, even if reads are empty after each write.
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

// Both keys share the memory of writes. So this holds even if reads are empty and the cluster's Challenges cannot be listed.
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

// A value that might exist but is never shown delays the clean-up by 30 s once, not at each attempt.
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

// A value that was never sent needs no second read.
func TestCleanUp_NothingSent(t *testing.T) {
	t.Parallel()
	t.Run("refused connections", func(t *testing.T) {
		inBrokenBubble(t, func(b bubble, l *brokenTransport) {
			l.fault, l.op = dialling(syscall.ECONNREFUSED), patch
			if err := b.add("value"); err == nil || err.Error() != "mijn.host cannot be reached: connection refused" {
				b.Errorf("got %v", err)
			}
			want := b.cost()
			b.must(b.remove("value"))
			want(3, 0)
		})
	})
	t.Run("cool-down", func(t *testing.T) {
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

// 60 challenges at once, with an API that takes 4 s per call: calls that cannot start fail with their own message.
func TestPresent_TooManyCalls(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Latency: 4 * time.Second}, func(b bubble) {
		addZones(b.api, 60)
		var all sync.WaitGroup
		var mu sync.Mutex
		messages := map[string]int{}
		for _, j := range jobsIn(60, 60) {
			all.Go(func() {
				start := time.Now()
				err := j.add(b.Context(), b.Provider)
				if elapsed := time.Since(start); elapsed > callLimit {
					b.Errorf("took %s", elapsed)
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					messages[err.Error()]++
				}
			})
		}
		all.Wait()
		b.Logf("%v", messages)
		queued, timedOut := messages["mijn.host: too many calls in progress for this API key"], messages["mijn.host cannot be reached: timed out"]
		if queued < 52 || timedOut > 8 || queued+timedOut != 60 { // eight calls are in flight at the deadline
			b.Errorf("got messages %v", messages)
		}
	})
}

// The PATCH is refused because an earlier one took effect and its response was lost. A read proves that the value exists.
func TestPresent_AlreadyExists(t *testing.T) {
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

// A refused PATCH fails, even if reads show another value, or an older copy of its own.
func TestPresent_PatchRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.StatusMessage(400, "The record type is not supported")})
		if err := b.add("value"); !apiclient.IsRefusal(err) {
			b.Errorf("got %v, want the refusal", err)
		}
		b.wantCalls(read, patch)
		b.wantValues()
	})
}

// Reads must show the value: having sent it earlier is no proof.
func TestPresent_PatchRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.add("value"))
		b.api.DeleteRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: testName, Value: padded("value"), TTL: 60})
		b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.StatusMessage(400, "no")})
		if err := b.add("value"); !apiclient.IsRefusal(err) {
			b.Errorf("got %v, want the refusal", err)
		}
		b.wantValues()
	})
}

// Domains are compared in ASCII, and requested in the form in which they are listed.
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
						b.Errorf("got %q left behind", got)
					}
					for _, r := range b.api.Requests() {
						if r.Op == patch && r.Path != "/api/v2/domains/"+url.PathEscape(listed)+"/dns" {
							b.Errorf("write to %s", r.Path)
						}
					}
				})
			})
		}
	}
}

// The operator can write a domain in any form.
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

// The message contains the address if GET /whoami returns it.
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

// It is not retried, because the next response would be as large.
func TestPresent_ResponseTooLarge(t *testing.T) {
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

// The cause is logged only at -v=2, without key and value.
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
					b.Errorf("want level 2: %s", line)
				}
			}
			if strings.Contains(line, padded("value")) {
				b.Errorf("log contains the value: %s", line)
			}
		}
		wantNoKey(b.T, logged()...)
		if found == 0 {
			b.Errorf("cause not logged:\n%s", strings.Join(logged(), "\n"))
		}
	})
}

// Success is HTTP 202, or status 0 in the body, or no data, or an empty array as data.
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
