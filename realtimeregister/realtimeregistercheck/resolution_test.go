package realtimeregistercheck_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

func servfail(query *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(query, dns.RcodeServerFailure) }

// servfailFor answers only queries of a type and, unless it is empty, a name.
func servfailFor(rrtype uint16, name string) func(*dns.Msg) *dns.Msg {
	return func(m *dns.Msg) *dns.Msg {
		if q := m.Question[0]; q.Qtype != rrtype || name != "" && q.Name != name {
			return nil
		}
		return servfail(m)
	}
}

// Steps that depend on the failed lookups do not blame port 53.
func TestResolution_SERVFAIL(t *testing.T) {
	t.Parallel()
	for claim, c := range map[string]struct {
		answer func(*dns.Msg) *dns.Msg
		words  []string
	}{
		"invalid DNSSEC": {func(m *dns.Msg) *dns.Msg {
			if strings.HasSuffix(m.Question[0].Name, "example.nl.") && !m.CheckingDisabled {
				return servfail(m)
			}
			return nil
		}, []string{"DNSSEC validation of example.nl fails", "TXT of _acme-challenge.www.example.nl, CAA of www.example.nl", "DS records"}},
		"nameservers without CAA support": {servfailFor(dns.TypeCAA, ""), []string{"SERVFAIL for CAA of www.example.nl, even with DNSSEC validation disabled", "every nameserver"}},
		"SOA on the way to the zone":      {servfailFor(dns.TypeSOA, "_acme-challenge.www.example.nl."), []string{"SERVFAIL for SOA of _acme-challenge.www.example.nl"}},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
				w.resolver.answer = c.answer
				r := w.run(func(o *check.Options) { o.Name = "www.example.nl" })
				checktest.WantStep(t, r, check.StepResolution, check.Problem, c.words...)
				if text := checktest.Text(t, r); strings.Contains(text, "port 53") {
					t.Error(text)
				}
			})
		})
	}
}

// A SERVFAIL does not hide other failures.
func TestResolution_SERVFAILAndREFUSED(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.resolver.answer = func(m *dns.Msg) *dns.Msg {
			switch m.Question[0].Qtype {
			case dns.TypeTXT:
				return servfail(m)
			case dns.TypeCAA:
				return new(dns.Msg).SetRcode(m, dns.RcodeRefused)
			}
			return nil
		}
		r := w.run()
		checktest.WantStep(t, r, check.StepResolution, check.Problem, "SERVFAIL for TXT")
		checktest.WantStep(t, r, check.StepCAA, check.Unknown, "REFUSED")
	})
}

// The delegation step reports a SERVFAIL that only its own query gets.
func TestDelegation_SERVFAIL(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.resolver.answer = servfailFor(dns.TypeNS, "")
		checktest.WantStep(t, w.run(), check.StepDelegation, check.Unknown, "Cannot determine the delegation of example.nl: resolver error: it returns SERVFAIL")
	})
}

// The parent zone does not know the domain.
func TestResolution_NotDelegated(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.resolver.answer = func(m *dns.Msg) *dns.Msg {
			if m.Question[0].Qtype != dns.TypeSOA {
				return nil
			}
			a := new(dns.Msg).SetRcode(m, dns.RcodeNameError)
			a.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: "nl.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60}, Ns: "ns.nl.", Mbox: "x."}}
			return a
		}
		r := w.run()
		checktest.WantStep(t, r, check.StepResolution, check.OK, "Whether the domain is signed with DNSSEC is unknown.")
		checktest.WantStep(t, r, check.StepDelegation, check.OK) // the zone nl is above the domain, not below it
	})
}

// The resolver returns SERVFAIL, and the check ends before it can ask again without validation.
func TestResolution_Interrupted(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		ctx, interrupt := context.WithCancel(w.Context())
		defer interrupt()
		w.resolver.answer = func(m *dns.Msg) *dns.Msg {
			if m.CheckingDisabled {
				interrupt()
			}
			return servfail(m)
		}
		checktest.WantNoStep(t, w.runIn(ctx), check.StepResolution)
	})
}

func TestResolution_Signed(t *testing.T) {
	t.Parallel()
	signed := func(validated bool) func(*dns.Msg) *dns.Msg {
		return func(m *dns.Msg) *dns.Msg {
			if m.Question[0].Qtype != dns.TypeDS {
				return nil
			}
			a := new(dns.Msg).SetReply(m)
			a.AuthenticatedData = validated
			a.Answer = []dns.RR{&dns.DS{
				Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeDS, Class: dns.ClassINET, Ttl: 60}, KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: "00",
			}}
			return a
		}
	}
	for words, answer := range map[string]func(*dns.Msg) *dns.Msg{
		"Whether example.nl is signed with DNSSEC is unknown.":              servfailFor(dns.TypeDS, ""),
		"example.nl is not signed with DNSSEC.":                             servfailFor(dns.TypeSOA, "www.example.nl."), // the zone is already known
		"example.nl is signed with DNSSEC and the resolver validates it.":   signed(true),
		"example.nl is signed with DNSSEC. This resolver does not validate": signed(false),
	} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
				w.resolver.answer = answer
				r := w.run(func(o *check.Options) { o.Name = "www.example.nl" })
				checktest.WantStep(t, r, check.StepResolution, check.OK, words)
			})
		})
	}
}

func TestResolution_REFUSED(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.resolver.answer = func(m *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(m, dns.RcodeRefused) }
		r := w.run()
		checktest.WantStep(t, r, check.StepCAA, check.Unknown, "REFUSED")
		checktest.WantNoStep(t, r, check.StepResolution)
	})
}

// The resolver fails on AAAA records.
func TestServers_OneFamilyResolves(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.resolver.answer = servfailFor(dns.TypeAAAA, "")
		checktest.WantStep(t, w.run(), check.StepServers, check.OK, "All nameserver addresses answer")
	})
}

// On a network that blocks port 53, each query takes seconds, so the check queries only four nameservers.
func TestDelegation_ParentDoesNotAnswer(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.resolver.answer = func(m *dns.Msg) *dns.Msg {
			q, a := m.Question[0], new(dns.Msg).SetReply(m)
			header := func(rrtype uint16) dns.RR_Header {
				return dns.RR_Header{Name: q.Name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: 60}
			}
			switch {
			case q.Name == "nl." && q.Qtype == dns.TypeNS:
				for i := range 6 {
					a.Answer = append(a.Answer, &dns.NS{Hdr: header(dns.TypeNS), Ns: fmt.Sprintf("ns%d.dns.nl.", i)})
				}
			case strings.HasSuffix(q.Name, ".dns.nl.") && q.Qtype == dns.TypeA:
				for _, last := range []byte{q.Name[2], q.Name[2] + 100} { // two addresses each
					a.Answer = append(a.Answer, &dns.A{Hdr: header(dns.TypeA), A: net.IPv4(198, 51, 100, last)})
				}
			default:
				return nil
			}
			return a
		}
		queried := map[netip.Addr]int{}
		w.resolver.ask = func(nameserver netip.Addr) error {
			if !strings.HasPrefix(nameserver.String(), "198.51.100.") {
				return nil
			}
			queried[nameserver]++
			return os.ErrDeadlineExceeded
		}
		checktest.WantStep(t, w.run(), check.StepDelegation, check.OK)
		for nameserver := range queried {
			if nameserver.As4()[3] >= 100 {
				t.Errorf("queried the second address of a nameserver: %s", nameserver)
			}
		}
		if len(queried) != 4 {
			t.Errorf("got queries to %v, want four nameservers", queried)
		}
	})
}

// The nameservers have a newer zone without the probe.
func TestNameservers_RecordLost(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{DNSLag: 10 * time.Second}, sim.Zone{}, func(w world) {
		r := w.run(write, func(o *check.Options) {
			o.OnStep = func(s check.Step) {
				if s.ID == check.StepWrite {
					w.api.SetRecords(w.zone, others()...)
				}
			}
		})
		checktest.WantStep(t, r, check.StepNameservers, check.Problem, "its SOA serial has changed, so the record may be lost")
	})
}

// A resolver failure does not count as an answer from a nameserver.
func TestNameservers_NotResolved(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.resolver.answer = func(m *dns.Msg) *dns.Msg {
			if q := m.Question[0]; q.Qtype == dns.TypeA || q.Qtype == dns.TypeAAAA || strings.HasPrefix(q.Name, "_mijn-host-webhook-check-") {
				return servfail(m)
			}
			return nil
		}
		checktest.WantStep(t, w.run(write), check.StepNameservers, check.Unknown, "No nameserver answers", "resolver error: it returns SERVFAIL")
	})
}
