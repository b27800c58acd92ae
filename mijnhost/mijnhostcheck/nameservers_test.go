package mijnhostcheck_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestNameservers_Lag(t *testing.T) {
	t.Parallel()
	for _, lag := range []time.Duration{0, 54 * time.Second, 2 * time.Minute} {
		t.Run(lag.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{DNSLag: lag}, func(w world) {
				r := w.run()
				checktest.WantOutcome(t, r, check.Well)
				checktest.WantStep(t, r, check.StepNameservers, check.OK, ns1, ns2)
				if len(r.Nameservers) != 2 {
					t.Fatalf("got nameservers %v", r.Nameservers)
				}
				for _, ns := range r.Nameservers {
					if ns.Fault != "" || ns.Silent {
						t.Errorf("%s: got fault %q, want none, because it serves the record", ns.Name, ns.Fault)
					}
					if *ns.Seconds < lag.Seconds() || *ns.Seconds > lag.Seconds()+2 {
						t.Errorf("%s: got %g s, want %s", ns.Name, *ns.Seconds, lag)
					}
				}
			})
		})
	}
}

func TestNameservers_ProgressEachSecond(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{DNSLag: 30 * time.Second}, func(w world) {
		shown := map[string]int{}
		w.run(func(o *check.Options) { o.OnProgress = func(words string) { shown[words]++ } })
		if shown["Waiting for the nameservers: 0 of 2 serve the probe record after 17 s."] != 1 {
			t.Errorf("got progress %v", shown)
		}
	})
}

func TestNameservers_Failures(t *testing.T) {
	t.Parallel()
	refuse := func(_ string, query *dns.Msg) *dns.Msg {
		if query.Question[0].Qtype != dns.TypeTXT {
			return nil
		}
		return new(dns.Msg).SetRcode(query, dns.RcodeRefused)
	}
	for _, c := range []struct {
		claim  string
		set    func(world)
		status check.Status
		words  []string
	}{
		{
			"one does not answer", func(w world) { w.dns.dead[addr2] = timeout() },
			check.Problem,
			[]string{"Not every nameserver answers", "Served: ns1.mijn.host at once", "No answer: ns2.mijn.host (timed out)", "See the nameserver addresses above."},
		},
		{
			"none answers, resolver does not serve the record", func(w world) {
				w.dns.dead[addr1], w.dns.dead[addr2] = timeout(), timeout()
				w.api.Reconfigure(func(o *mijnhosttest.Options) { o.DNSLag = time.Hour })
			},
			check.Unknown,
			[]string{"No nameserver answers", "port 53"},
		},
		{
			"none answers, resolver serves the record", func(w world) { w.dns.dead[addr1], w.dns.dead[addr2] = timeout(), timeout() },
			check.OK,
			[]string{"port 53 may be closed", "The resolver serves the probe record", "--dns01-recursive-nameservers-only"},
		},
		{"one does not resolve", func(w world) {
			w.api.AddStaticZone("mijn.host", record("A", ns1+".", addr1))
		}, check.Problem, []string{"ns2.mijn.host (its name does not resolve)"}},
		{
			"one refuses", func(w world) { w.dns.ask = refuse },
			check.Problem,
			[]string{"ns1.mijn.host (it returns REFUSED)"},
		},
		{"one fails for 15 s, until PATCH has replaced the first value", func(w world) {
			w.api.Reconfigure(func(o *mijnhosttest.Options) { o.Patch = mijnhosttest.PatchReplaces })
			var start time.Time
			w.dns.ask = func(_ string, query *dns.Msg) *dns.Msg {
				if query.Question[0].Qtype != dns.TypeTXT {
					return nil
				}
				if start.IsZero() {
					start = time.Now()
				}
				if time.Since(start) < 15*time.Second {
					return new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
				}
				return nil
			}
		}, check.OK, []string{ns1, ns2}},
		{"one answers from a wildcard", func(w world) {
			w.dns.ask = func(_ string, query *dns.Msg) *dns.Msg {
				if query.Question[0].Qtype != dns.TypeTXT {
					return nil
				}
				m := new(dns.Msg).SetReply(query)
				m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: query.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: []string{"of-a-wildcard"}}}
				return m
			}
		}, check.Problem, []string{"it does not serve the record yet"}},
		{"one is too slow", func(w world) {
			w.api.Reconfigure(func(o *mijnhosttest.Options) { o.DNSLag = time.Hour })
		}, check.Problem, []string{"ns2.mijn.host (it does not serve the record yet; its SOA serial is unchanged, so it has not published", "--timeout"}},
		{"one is too slow, the other is silent", func(w world) {
			w.api.Reconfigure(func(o *mijnhosttest.Options) { o.DNSLag = time.Hour })
			w.dns.dead[addr2] = timeout()
		}, check.Problem, []string{"ns1.mijn.host (it does not serve the record yet", "and ns2.mijn.host (timed out)."}},
		{"one is too slow, and did not answer before", func(w world) {
			w.api.Reconfigure(func(o *mijnhosttest.Options) { o.DNSLag = time.Hour })
			queries := 0
			w.dns.ask = func(nameserver string, query *dns.Msg) *dns.Msg {
				if nameserver == addr1 || query.Question[0].Qtype != dns.TypeSOA {
					return nil
				}
				queries++
				if queries > 1 {
					return nil
				}
				return new(dns.Msg).SetRcode(query, dns.RcodeRefused)
			}
		}, check.Problem, []string{"ns2.mijn.host (it does not serve the record yet)"}},
		{"one answers, and later does not", func(w world) {
			w.dns.ask = func(nameserver string, query *dns.Msg) *dns.Msg {
				if nameserver == addr1 || query.Question[0].Qtype != dns.TypeTXT {
					return nil
				}
				return new(dns.Msg).SetRcode(query, dns.RcodeNameError)
			}
			time.AfterFunc(20*time.Second, func() { w.dns.kill(addr2, timeout()) })
		}, check.Problem, []string{"Missing: ns2.mijn.host (timed out)."}},
		{"one of two addresses answers", func(w world) {
			w.api.AddStaticZone("mijn.host", record("A", ns1+".", addr1), record("A", ns2+".", addr2),
				record("A", ns2+".", "192.0.2.3"), record("AAAA", ns2+".", "2001:db8::2"))
			w.dns.dead[addr2], w.dns.dead["192.0.2.3"] = timeout(), timeout()
		}, check.OK, nil},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				c.set(w)
				start := time.Now()
				var decided time.Duration
				r := w.run(func(o *check.Options) {
					o.OnStep = func(s check.Step) {
						if s.ID == check.StepNameservers {
							decided = time.Since(start)
						}
					}
				})
				checktest.WantStep(t, r, check.StepNameservers, c.status, c.words...)
				if strings.Contains(c.claim, "does not answer") && decided > time.Minute {
					t.Errorf("waited %s for a nameserver that does not answer", decided)
				}
				checktest.WantStep(t, r, check.StepRemove, check.OK)
				if measured(r).DeleteMatches == "" {
					t.Errorf("no time was left to measure after the wait:\n%s", checktest.Text(t, r))
				}
				if elapsed := time.Since(start); elapsed > 4*time.Minute+30*time.Second {
					t.Errorf("took %s", elapsed)
				}
			})
		})
	}
}

func TestServers_EachAddress(t *testing.T) {
	t.Parallel()
	addresses := func(w world) {
		w.api.AddStaticZone("mijn.host", record("A", ns1+".", addr1), record("A", ns2+".", addr2),
			record("AAAA", ns1+".", "2001:db8::1"), record("AAAA", ns2+".", "2001:db8::2"))
	}
	for _, c := range []struct {
		claim  string
		dead   []string
		status check.Status
		words  string
	}{
		{"all answer", nil, check.OK, "All nameserver addresses answer (4 addresses)."},
		{"one IPv6 address does not answer", []string{"2001:db8::2"}, check.Problem, "ns2.mijn.host over IPv6 (timed out)"},
		{"one IPv4 address does not answer", []string{addr1}, check.Problem, "ns1.mijn.host over IPv4 (timed out)"},
		{"one IPv4 address does not answer, without IPv6", []string{"2001:db8::1", "2001:db8::2", addr1}, check.Problem, "ns1.mijn.host over IPv4 (timed out)"},
		{"system without IPv6", []string{"2001:db8::1", "2001:db8::2"}, check.OK, "cannot reach them over IPv6."},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				addresses(w)
				for _, address := range c.dead {
					w.dns.dead[address] = timeout()
				}
				r := w.run(func(o *check.Options) { o.ReadOnly = true })
				checktest.WantStep(t, r, check.StepServers, c.status, c.words)
				dead := 0
				for _, a := range r.Addresses {
					if a.Error != "" {
						dead++
					}
				}
				if len(r.Addresses) != 4 || dead != len(c.dead) {
					t.Errorf("got addresses %+v, want 4, %d without answer", r.Addresses, len(c.dead))
				}
			})
		})
	}
}

// Errors of the net package contain addresses, so the report has its own words.
func TestServers_Faults(t *testing.T) {
	t.Parallel()
	reading := func(err error) error {
		return &net.OpError{Op: "read", Net: "udp", Addr: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 53}, Err: os.NewSyscallError("recvmsg", err)}
	}
	for _, c := range []struct {
		err   error
		words string
	}{
		{context.DeadlineExceeded, "timed out"},
		{reading(os.ErrDeadlineExceeded), "timed out"},
		{&net.DNSError{IsTimeout: true}, "timed out"},
		{context.Canceled, "the check was interrupted"},
		{reading(syscall.ECONNREFUSED), "connection refused"},
		{reading(syscall.ENETUNREACH), "no route to host"},
		{reading(syscall.EHOSTUNREACH), "no route to host"},
		{reading(syscall.EPERM), "not permitted by this system"},
		{reading(syscall.EACCES), "not permitted by this system"},
		{reading(syscall.ECONNRESET), "connection lost"},
		{io.EOF, "connection lost"},
		{io.ErrUnexpectedEOF, "connection lost"},
		{reading(syscall.EIO), "connection failed"},
	} {
		inBubble(t, mijnhosttest.Options{}, func(w world) {
			w.dns.kill(addr2, c.err)
			r := w.run(func(o *check.Options) { o.ReadOnly = true })
			checktest.WantStep(t, r, check.StepServers, check.Problem, "ns2.mijn.host ("+c.words+")")
		})
	}
	for words, answer := range map[string]func(m *dns.Msg){
		"malformed answer": func(m *dns.Msg) {
			m.Answer = []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: "example.nl.", Rrtype: dns.TypeA, Class: dns.ClassINET}, Rdata: "00"}}
		},
		"it returns NOTIMP":   func(m *dns.Msg) { m.Rcode = dns.RcodeNotImplemented },
		"it returns RCODE 12": func(m *dns.Msg) { m.Rcode = 12 },
	} {
		inBubble(t, mijnhosttest.Options{}, func(w world) {
			w.dns.ask = func(nameserver string, query *dns.Msg) *dns.Msg {
				if nameserver == addr1 {
					return nil
				}
				m := new(dns.Msg).SetReply(query)
				answer(m)
				return m
			}
			r := w.run(func(o *check.Options) { o.ReadOnly = true })
			checktest.WantStep(t, r, check.StepServers, check.Problem, "ns2.mijn.host ("+words+")")
		})
	}
}

func TestServers_Notes(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		w.dns.ask = func(nameserver string, query *dns.Msg) *dns.Msg {
			if query.Question[0].Qtype != dns.TypeSOA {
				return nil
			}
			serial := uint32(1)
			if nameserver == addr2 {
				time.Sleep(1500 * time.Millisecond)
				serial = 2
			}
			m := new(dns.Msg).SetReply(query)
			m.Answer = []dns.RR{&dns.SOA{
				Hdr: dns.RR_Header{Name: query.Question[0].Name, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 86400}, Ns: ns1 + ".", Mbox: "x.", Serial: serial, Minttl: 3600,
			}}
			return m
		}
		r := w.run(func(o *check.Options) { o.ReadOnly = true })
		if a := r.Addresses; len(a) != 2 || a[0].Slow || !a[1].Slow || a[1].Took != 1.5 {
			t.Errorf("got addresses %+v, want 1.5 s for the second", a)
		}
		notes := strings.Join(r.Notes, "\n")
		for _, words := range []string{"Slow nameservers: ns2.mijn.host (1.5 s)", "for 3600 s", "different SOA serials"} {
			if !strings.Contains(notes, words) {
				t.Errorf("notes lack %q:\n%s", words, notes)
			}
		}
	})
}

// One nameserver does not know the domain and answers with the SOA record of another zone.
func TestServers_AnotherZone(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		w.dns.ask = func(nameserver string, query *dns.Msg) *dns.Msg {
			if nameserver == addr1 || query.Question[0].Qtype != dns.TypeSOA {
				return nil
			}
			m := new(dns.Msg).SetReply(query)
			m.Ns = []dns.RR{&dns.SOA{
				Hdr: dns.RR_Header{Name: "nl.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 86400}, Ns: "ns.nl.", Mbox: "x.", Serial: 999999, Minttl: 86400,
			}}
			return m
		}
		if r := w.run(func(o *check.Options) { o.ReadOnly = true }); len(r.Notes) > 0 {
			t.Errorf("got notes %q, want none", r.Notes)
		}
	})
}

// With a short timeout, the check reserves no time for the remaining steps.
func TestNameservers_ShortTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{DNSLag: 20 * time.Second}, func(w world) {
		r := w.run(func(o *check.Options) { o.Timeout = 40 * time.Second })
		checktest.WantStep(t, r, check.StepNameservers, check.OK, ns1, ns2)
		w.api.Reconfigure(func(o *mijnhosttest.Options) { o.DNSLag = time.Hour })
		r = w.run(func(o *check.Options) { o.Timeout, o.DNS = 40*time.Second, slowTXT{w.dns} })
		checktest.WantStep(t, r, check.StepNameservers, check.Problem, "in time", "ns1.mijn.host (it does not serve the record yet", "--timeout")
	})
}

// slowTXT is DNS whose nameservers take long to answer TXT queries.
type slowTXT struct{ check.DNS }

func (s slowTXT) Ask(ctx context.Context, nameserver netip.Addr, query check.Query) (*check.Answer, error) {
	if query.Type == dns.TypeTXT {
		if err := check.Pause(ctx, 11*time.Second); err != nil {
			return nil, err
		}
	}
	return s.DNS.Ask(ctx, nameserver, query)
}

func TestServers_AddressesOfOneFamily(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		w.api.AddStaticZone("mijn.host", record("A", ns1+".", addr1), record("A", ns2+".", addr2),
			record("A", ns2+".", "192.0.2.3"), record("A", ns2+".", "192.0.2.4"), record("AAAA", ns2+".", "2001:db8::2"))
		w.dns.dead["192.0.2.4"] = timeout()
		checktest.WantStep(t, w.run(func(o *check.Options) { o.ReadOnly = true }), check.StepServers, check.Problem, "ns2.mijn.host over IPv4 (address 3 of 3) (timed out)")
	})
}
