package realtimeregistercheck_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

func servfail(query *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(query, dns.RcodeServerFailure) }

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
		}, []string{"DNSSEC validation of example.nl fails", "TXT of _acme-challenge.example.nl, CAA of example.nl", "DS records"}},
		"nameservers without CAA support": {func(m *dns.Msg) *dns.Msg {
			if m.Question[0].Qtype == dns.TypeCAA {
				return servfail(m)
			}
			return nil
		}, []string{"SERVFAIL for CAA of example.nl, even with DNSSEC validation disabled", "every nameserver"}},
		"SOA on the way to the zone": {func(m *dns.Msg) *dns.Msg {
			if m.Question[0].Qtype == dns.TypeSOA && m.Question[0].Name == "_acme-challenge.example.nl." {
				return servfail(m)
			}
			return nil
		}, []string{"SERVFAIL for SOA of _acme-challenge.example.nl"}},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
				w.resolver.answer = c.answer
				r := w.run()
				wantStep(t, r, check.StepResolution, check.Problem, c.words...)
				if text := textOf(t, r); strings.Contains(text, "port 53") {
					t.Error(text)
				}
			})
		})
	}
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
		"example.nl is not signed with DNSSEC.":                             nil,
		"example.nl is signed with DNSSEC and the resolver validates it.":   signed(true),
		"example.nl is signed with DNSSEC. This resolver does not validate": signed(false),
	} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
				w.resolver.answer = answer
				wantStep(t, w.run(), check.StepResolution, check.OK, words)
			})
		})
	}
}

func TestResolution_REFUSED(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.resolver.answer = func(m *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(m, dns.RcodeRefused) }
		r := w.run()
		wantStep(t, r, check.StepCAA, check.Unknown, "REFUSED")
		if slices.ContainsFunc(r.Steps, func(s check.Step) bool { return s.ID == check.StepResolution }) {
			t.Error(textOf(t, r))
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
		wantStep(t, r, check.StepNameservers, check.Problem, "its SOA serial has changed, so the record may be lost")
	})
}
