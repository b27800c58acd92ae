package mijnhost_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const (
	read  = mijnhosttest.OpReadRecords
	patch = mijnhosttest.OpPatchRecord
	del   = mijnhosttest.OpDeleteRecord
	list  = mijnhosttest.OpListDomains
)

func TestTwoCallsEach_EveryReading(t *testing.T) {
	t.Parallel()
	for readings := range mijnhosttest.EveryReading() {
		t.Run(readings.String(), func(t *testing.T) {
			inBubble(t, readings, func(b bubble) {
				b.must(b.add("value"))
				b.wantCalls(read, patch)
				b.wantValues("value")
				b.api.ResetRequests()

				b.must(b.remove("value"))
				b.wantCalls(read, del)
				b.wantValues()
				b.wantOthersUntouched()
			})
		})
	}
}

func TestTwoCallsEach_LargeZone(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 100, 1000, 10000} {
		t.Run(fmt.Sprintf("%d records", size), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				b.api.SetRecords("example.nl", hosts("example.nl", size))
				before := b.api.Records("example.nl")
				const value = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
				b.must(b.add(value))
				b.wantValues(value)
				b.wantCalls(read, patch)
				b.wantUnder200BytesSent()

				b.api.ResetRequests()
				b.must(b.remove(value))
				b.wantCalls(read, del)
				b.wantUnder200BytesSent()
				if !slices.Equal(b.api.Records("example.nl"), before) {
					b.Error("zone changed")
				}
			})
		})
	}
}

func (b bubble) wantUnder200BytesSent() {
	b.Helper()
	if got := b.api.BodyBytes(); got == 0 || got >= 200 {
		b.Errorf("got %d bytes sent, want under 200", got)
	}
}

// hosts returns A records of n hosts of a domain.
func hosts(domain string, n int) []mijnhosttest.Record {
	records := make([]mijnhosttest.Record, n)
	for i := range records {
		records[i] = mijnhosttest.Record{Type: "A", Name: fmt.Sprintf("host-%d.%s.", i, domain), Value: "192.0.2.1", TTL: 3600}
	}
	return records
}

func TestPresent_ValueExists(t *testing.T) {
	t.Parallel()
	for _, stored := range []mijnhosttest.Record{
		{Type: "TXT", Name: "_acme-challenge.example.nl.", Value: padded("value"), TTL: 60},
		{Type: "TXT", Name: "_acme-challenge.example.nl", Value: padded("value"), TTL: 60},
		{Type: "TXT", Name: "_acme-challenge", Value: padded("value"), TTL: 60},
		{Type: "TXT", Name: "_ACME-Challenge.Example.NL.", Value: padded("value"), TTL: 60},
		{Type: "txt", Name: "_acme-challenge.example.nl.", Value: `"` + padded("value") + `"`, TTL: 60},
	} {
		t.Run(stored.Name+stored.Value, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{Names: mijnhosttest.NamesAsWritten}, func(b bubble) {
				b.api.AddRecord("example.nl", stored)
				before := len(b.api.Records("example.nl"))
				b.must(b.add("value"))
				b.must(b.add("value"))
				b.wantCalls(read, patch, read)
				if got := len(b.api.Records("example.nl")); got != before {
					b.Errorf("got %d records, want %d", got, before)
				}
			})
		})
	}
}

func TestPresent_FindsDomain(t *testing.T) {
	t.Parallel()
	const sub = "_acme-challenge.www.sub.example.nl."
	for name, c := range map[string]struct {
		domains []string
		zone    string
		fqdn    string
		want    string // "": ErrNoDomain
	}{
		"resolved zone":                 {[]string{"example.nl", "sub.example.nl"}, "example.nl.", sub, "example.nl"},
		"resolved zone in another case": {[]string{"example.nl"}, "Example.NL.", "_acme-Challenge.EXAMPLE.nl.", "example.nl"},
		"longest match":                 {[]string{"example.nl", "sub.example.nl"}, "www.sub.example.nl.", sub, "sub.example.nl"},
		"common suffix only":            {[]string{"ample.nl", "example.nl.nl"}, "example.nl.", sub, ""},
		"domain not delegated yet":      {[]string{"example.nl"}, "nl.", sub, "example.nl"},
		"TLD not delegated":             {[]string{"example.nl"}, ".", sub, "example.nl"},
		"account has another domain":    {[]string{"example.org"}, "example.nl.", sub, ""},
		"account without domains":       {nil, "example.nl.", sub, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				const key = "key-of-this-account"
				b.api.AddAccount(key, c.domains...)
				for range 2 { // the second time from memory
					err := present(b.Context(), b.Provider, key, c.zone, c.fqdn, "value")
					if c.want == "" {
						if !errors.Is(err, mijnhost.ErrNoDomain) {
							b.Fatalf("got %v, want ErrNoDomain", err)
						}
						return
					}
					b.must(err)
				}
				for _, r := range b.api.Requests() {
					if r.Op == patch && r.Domain != c.want {
						b.Errorf("write to %s, want %s", r.Domain, c.want)
					}
				}
				if b.api.CallsOf(patch) != 1 || b.api.CallsOf(list) > 1 {
					b.Errorf("got %d writes and %d lists of domains, want 1 and at most 1", b.api.CallsOf(patch), b.api.CallsOf(list))
				}
			})
		})
	}
}

func TestPresent_Transient400(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Op: read, Kind: mijnhosttest.Status(400), Times: 1})
		b.must(b.add("value"))
		b.wantCalls(read, list, read, patch)
	})
}

func TestPresent_NotManaged(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.SetDNSElsewhere("example.nl")
		if err := b.add("value"); !errors.Is(err, mijnhost.ErrNotManaged) {
			b.Errorf("got %v, want ErrNotManaged", err)
		}
		b.wantCalls(read)
	})
}

func TestPresent_StaleReadShowsRemovedValue(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{StaleReads: 10 * time.Second}, func(b bubble) {
		b.must(b.add("value"))
		time.Sleep(time.Minute)
		b.must(b.remove("value"))
		time.Sleep(time.Second) // reads still show the value
		b.must(b.add("value"))
		b.wantValues("value")
	})
}
