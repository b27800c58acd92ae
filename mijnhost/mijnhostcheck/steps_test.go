package mijnhostcheck_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// record returns a record with a TTL of 60 s.
func record(rtype, name, value string) mijnhosttest.Record {
	return mijnhosttest.Record{Type: rtype, Name: name, Value: value, TTL: 60}
}

// chainOf adds a chain of CNAMEs that starts at the challenge name of shop.example.nl.
func chainOf(w world, length int) {
	name := "_acme-challenge.shop.example.nl."
	for i := range length {
		target := fmt.Sprintf("c%d.example.nl.", i+1)
		w.api.AddRecord(domain, record("CNAME", name, target))
		name = target
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	type change = func(*check.Options)
	for _, c := range []struct {
		claim   string
		set     func(world) change
		step    check.StepID
		status  check.Status
		words   []string
		outcome check.Outcome
	}{
		{"key rejected", func(w world) change {
			w.api.RevokeKey(testKey)
			return nil
		}, check.StepKey, check.Problem, []string{"rejects the API key", "Account, API Access"}, check.Trouble},
		{"key missing in its source", func(world) change {
			return func(o *check.Options) { o.Key = noKey{&keysource.Error{Fault: "There is none.", Remedy: "Make one."}} }
		}, check.StepKey, check.Problem, []string{"There is none.", "Make one."}, check.Trouble},
		{"source of the key unavailable", func(world) change {
			return func(o *check.Options) {
				o.Key = noKey{&keysource.Error{Fault: "No cluster.", Remedy: "Reach it.", Passing: true}}
			}
		}, check.StepKey, check.Unknown, []string{"No cluster.", "Reach it."}, check.Unclear},
		{"API down", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Unavailable(nil)})
			return nil
		}, check.StepKey, check.Unknown, []string{"503", "run the check again"}, check.Unclear},
		{"refusal that contains the caller's address", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(401, "No access from 203.0.113.9, nor [2001:db8::9]")})
			return nil
		}, check.StepKey, check.Problem, []string{"(an IP address)"}, check.Trouble},
		{"rate-limited", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(nil), Op: mijnhosttest.OpListDomains})
			return nil
		}, check.StepKey, check.Unknown, []string{"rate-limits", "minutes"}, check.Unclear},
		{"domain of another account", func(world) change {
			return func(o *check.Options) { o.Name = "www.theirs.nl" }
		}, check.StepDomain, check.Problem, []string{"no domain that covers _acme-challenge.www.theirs.nl (it lists 1 domain"}, check.Trouble},
		{"name below a domain of the account", func(world) change {
			return func(o *check.Options) { o.Name = "*.a.b.Example.NL." }
		}, check.StepDomain, check.OK, []string{"domain example.nl, which covers _acme-challenge.a.b.example.nl"}, check.Well},
		{"nameservers elsewhere", func(w world) change {
			w.api.SetDNSElsewhere(domain)
			return nil
		}, check.StepManaged, check.Problem, []string{"not hosted at mijn.host", "nameservers"}, check.Trouble},
		{"read refused", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(403), Op: mijnhosttest.OpReadRecords})
			return nil
		}, check.StepManaged, check.Problem, []string{"403"}, check.Trouble},
		{"write refused", func(w world) change {
			w.api.Reconfigure(func(o *mijnhosttest.Options) { o.MinTTL = 300 })
			return nil
		}, check.StepWrite, check.Problem, []string{"TTL 60", "ttl must be at least", "--ttl"}, check.Trouble},
		{"write refused twice", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(400), Op: mijnhosttest.OpPatchRecord, Times: 2})
			return nil
		}, check.StepWrite, check.OK, nil, check.Well},
		{"write fails", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500), Op: mijnhosttest.OpPatchRecord})
			return nil
		}, check.StepWrite, check.Unknown, []string{"Cannot write the probe record _mijn-host-webhook-check-", ".example.nl with TTL 60: ", "500"}, check.Unclear},
		{"zone unreadable before the write", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500), Op: mijnhosttest.OpReadRecords, Skip: 1})
			return nil
		}, check.StepWrite, check.Unknown, []string{"Cannot read the zone before writing", "500"}, check.Unclear},
		{"zone unreadable after the write", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500), Op: mijnhosttest.OpReadRecords, Skip: 2, Until: 20 * time.Second})
			return nil
		}, check.StepRead, check.Unknown, []string{"Cannot read the probe record", "500"}, check.Unclear},
		{"record not shown for 70 s", func(w world) change {
			w.api.Reconfigure(func(o *mijnhosttest.Options) { o.StaleReads = 70 * time.Second })
			return nil
		}, check.StepRead, check.Problem, []string{"reliably within 60 s", "accepts a record and does not show it"}, check.Trouble},
		{"record not shown for 70 s, removal", func(w world) change {
			w.api.Reconfigure(func(o *mijnhosttest.Options) { o.StaleReads = 70 * time.Second })
			return nil
		}, check.StepRemove, check.OK, nil, check.Trouble},
		{"read-only", func(world) change {
			return func(o *check.Options) { o.ReadOnly = true }
		}, check.StepWrite, check.Skipped, []string{"--read-only"}, check.Well},

		{"domain already probed", func(world) change {
			return func(o *check.Options) { o.Probed = func(d string) bool { return d == domain } }
		}, check.StepWrite, check.Skipped, []string{"the probe of example.nl above covers this name"}, check.Well},
		{"domain not probed yet", func(world) change {
			return func(o *check.Options) { o.Probed = func(string) bool { return false } }
		}, check.StepWrite, check.OK, nil, check.Well},

		{"name not allowed", func(world) change {
			return func(o *check.Options) { o.AllowedDomains = []string{"other.nl", "third.nl."} }
		}, check.StepAllowed, check.Problem, []string{"may not write _acme-challenge.example.nl", "other.nl and third.nl", "allowedDomains"}, check.Trouble},
		{"name allowed", func(world) change {
			return func(o *check.Options) { o.AllowedDomains = []string{"other.nl", "Example.NL."} }
		}, check.StepAllowed, check.OK, []string{"_acme-challenge.example.nl"}, check.Well},

		{"CNAME into the account", func(w world) change {
			w.api.AddStaticZone("delegated.test", record("CNAME", "_acme-challenge.delegated.test.", "_acme-challenge.example.nl."))
			return func(o *check.Options) { o.Name = "delegated.test" }
		}, check.StepChallenge, check.OK, []string{"to _acme-challenge.example.nl", "cnameStrategy", "Follow"}, check.Well},
		{"CNAME into a zone that is signed or not", func(w world) change {
			w.api.AddStaticZone("delegated.test", record("CNAME", "_acme-challenge.delegated.test.", "_acme-challenge.example.nl."))
			return func(o *check.Options) { o.Name, o.ReadOnly = "delegated.test", true }
		}, check.StepResolution, check.OK, []string{"delegated.test is not signed"}, check.Well},
		{"CNAME out of the account", func(w world) change {
			w.api.AddRecord(domain, record("CNAME", "_acme-challenge.shop.example.nl.", "shop.acme.test."))
			return func(o *check.Options) { o.Name = "shop.example.nl" }
		}, check.StepChallenge, check.Problem, []string{"to shop.acme.test, and this account has no domain that covers that name", "Remove the CNAME"}, check.Trouble},
		{"CNAME loop", func(w world) change {
			w.api.AddRecord(domain, record("CNAME", "_acme-challenge.shop.example.nl.", "a.example.nl."))
			w.api.AddRecord(domain, record("CNAME", "a.example.nl.", "_acme-challenge.shop.example.nl."))
			return func(o *check.Options) { o.Name = "shop.example.nl" }
		}, check.StepChallenge, check.Problem, []string{"form a loop"}, check.Trouble},
		{"wildcard CNAME", func(w world) change {
			w.api.AddRecord(domain, record("CNAME", "*.shop.example.nl.", "elsewhere.test."))
			return func(o *check.Options) { o.Name = "shop.example.nl" }
		}, check.StepChallenge, check.OK, []string{"wildcard CNAME", "None"}, check.Well},

		{"CNAME, key missing", func(w world) change {
			w.api.AddRecord(domain, record("CNAME", "_acme-challenge.shop.example.nl.", "shop.acme.test."))
			return func(o *check.Options) {
				o.Name, o.Key = "shop.example.nl", noKey{&keysource.Error{Fault: "There is none.", Remedy: "Make one."}}
			}
		}, check.StepChallenge, check.OK, []string{"to shop.acme.test", "Follow"}, check.Trouble},
		{"wildcard CNAME into a zone below the domain", func(w world) change {
			w.api.AddRecord(domain, record("CNAME", "*.shop.example.nl.", "x.sub.example.nl."))
			w.api.AddStaticZone("sub.example.nl", record("A", "x.sub.example.nl.", "192.0.2.10"))
			return func(o *check.Options) { o.Name, o.ReadOnly = "shop.example.nl", true }
		}, check.StepDelegation, check.OK, nil, check.Well},
		{"as many CNAMEs as allowed", func(w world) change {
			chainOf(w, 8)
			return func(o *check.Options) { o.Name, o.ReadOnly = "shop.example.nl", true }
		}, check.StepChallenge, check.OK, []string{"to c8.example.nl"}, check.Trouble}, // the simulated resolver follows fewer
		{"one CNAME too many", func(w world) change {
			chainOf(w, 9)
			return func(o *check.Options) { o.Name, o.ReadOnly = "shop.example.nl", true }
		}, check.StepChallenge, check.Problem, []string{"more than 8"}, check.Trouble},

		{"domain not delegated", func(w world) change {
			w.dns.delegated["example.nl."] = nil
			return nil
		}, check.StepDelegation, check.Problem, []string{"not delegated", "registered"}, check.Trouble},
		{"referral to another zone", func(w world) change {
			w.dns.ask = func(_ string, query *dns.Msg) *dns.Msg {
				if query.Question[0].Qtype != dns.TypeNS {
					return nil
				}
				m := new(dns.Msg).SetReply(query)
				m.Ns = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: ns1 + "."}}
				return m
			}
			return nil
		}, check.StepDelegation, check.Problem, []string{"not delegated"}, check.Trouble},
		{"delegated to other nameservers", func(w world) change {
			w.dns.delegated["example.nl."] = []string{"NS1.old.test", "ns2.old.test"}
			return nil
		}, check.StepDelegation, check.Problem, []string{"ns1.old.test and ns2.old.test", "at its registrar to ns1.mijn.host and ns2.mijn.host"}, check.Trouble},
		{"delegated to other nameservers, the account's serve the probe record", func(w world) change {
			w.dns.delegated["example.nl."] = []string{"ns1.old.test"}
			return nil
		}, check.StepNameservers, check.OK, []string{ns1, ns2}, check.Trouble},
		{"Cloudflare's nameservers serve the probe record", func(w world) change {
			w.api.AddStaticZone("ns.cloudflare.com", record("A", "ada.ns.cloudflare.com.", addr1), record("A", "bob.ns.cloudflare.com.", "192.0.2.3"))
			w.dns.delegated["example.nl."] = []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"}
			return nil
		}, check.StepDelegation, check.OK, []string{"Cloudflare's nameservers", "The probe shows"}, check.Well},
		{"Cloudflare's nameservers do not serve the probe record", func(w world) change {
			w.api.AddStaticZone("ns.cloudflare.com", record("A", "ada.ns.cloudflare.com.", "192.0.2.3"))
			w.dns.delegated["example.nl."] = []string{"ada.ns.cloudflare.com"}
			w.dns.ask = func(nameserver string, query *dns.Msg) *dns.Msg {
				if nameserver != "192.0.2.3" {
					return nil
				}
				return new(dns.Msg).SetRcode(query, dns.RcodeNameError)
			}
			return nil
		}, check.StepNameservers, check.Problem, []string{"ada.ns.cloudflare.com (it does not serve the record yet"}, check.Trouble},
		{"Cloudflare's nameservers, read-only", func(w world) change {
			w.dns.delegated["example.nl."] = []string{"ada.ns.cloudflare.com"}
			return func(o *check.Options) { o.ReadOnly = true }
		}, check.StepDelegation, check.Unknown, []string{"Only a probe record"}, check.Unclear},
		{"Cloudflare's nameservers of a domain hosted elsewhere", func(w world) change {
			w.api.SetDNSElsewhere(domain)
			w.dns.delegated["example.nl."] = []string{"ada.ns.cloudflare.com"}
			return nil
		}, check.StepDelegation, check.Problem, []string{"does not know ada.ns.cloudflare.com"}, check.Trouble},
		{"one unknown nameserver", func(w world) change {
			w.dns.delegated["example.nl."] = []string{ns1, "ns.old.test"}
			return nil
		}, check.StepDelegation, check.Problem, []string{"does not know ns.old.test"}, check.Trouble},
		{"Cloudflare's nameservers and another one", func(w world) change {
			w.dns.delegated["example.nl."] = []string{"ada.ns.cloudflare.com", "ns.old.test"}
			return nil
		}, check.StepDelegation, check.Problem, []string{"does not know ada.ns.cloudflare.com and ns.old.test"}, check.Trouble},
		{"Cloudflare's nameservers without a probe record", func(w world) change {
			w.dns.delegated["example.nl."] = []string{"ada.ns.cloudflare.com"}
			return func(o *check.Options) { o.RemoveValue = "no such value" }
		}, check.StepDelegation, check.Unknown, []string{"Only a probe record"}, check.Trouble},
		{"same nameservers in answer and referral", func(w world) change {
			w.dns.ask = func(_ string, query *dns.Msg) *dns.Msg {
				if query.Question[0].Qtype != dns.TypeNS {
					return nil
				}
				m := w.api.Answer(query)
				m.Ns = append(m.Ns, m.Answer...)
				return m
			}
			return nil
		}, check.StepDelegation, check.OK, []string{"to the account's nameservers ns1.mijn.host and ns2.mijn.host."}, check.Well},
		{"delegated to a subset of the nameservers", func(w world) change {
			w.dns.delegated["example.nl."] = []string{ns2}
			return nil
		}, check.StepDelegation, check.OK, []string{ns2}, check.Well},
		{"delegated to a subset of the nameservers, which serves the probe record", func(w world) change {
			w.dns.delegated["example.nl."] = []string{ns2}
			return nil
		}, check.StepNameservers, check.OK, []string{"serve the probe record: ns2.mijn.host"}, check.Well},
		{"white-label nameservers", func(w world) change {
			w.api.AddStaticZone("brand.test", record("A", "ns1.brand.test.", addr1), record("A", "ns2.brand.test.", addr2))
			w.dns.delegated["example.nl."] = []string{"ns1.brand.test", "ns2.brand.test"}
			return nil
		}, check.StepDelegation, check.OK, []string{"ns1.brand.test and ns2.brand.test"}, check.Well},
		{"nameserver with a known and an unknown address", func(w world) change {
			w.api.AddStaticZone("brand.test", record("A", "ns1.brand.test.", addr1), record("A", "ns1.brand.test.", "192.0.2.99"))
			w.dns.delegated["example.nl."] = []string{"ns1.brand.test"}
			return nil
		}, check.StepDelegation, check.Problem, []string{"does not know ns1.brand.test"}, check.Trouble},
		{"zone cut below the domain", func(w world) change {
			w.api.AddStaticZone("shop.example.nl")
			return func(o *check.Options) { o.Name = "shop.example.nl" }
		}, check.StepDelegation, check.Problem, []string{"shop.example.nl is delegated as a separate zone", "Remove the NS records"}, check.Trouble},
		{"challenge's name is a zone", func(w world) change {
			w.api.AddStaticZone("_acme-challenge.shop.example.nl")
			return func(o *check.Options) { o.Name = "shop.example.nl" }
		}, check.StepDelegation, check.Problem, []string{"_acme-challenge.shop.example.nl is delegated as a separate zone"}, check.Trouble},
		{"API does not list the nameservers, the delegation's serve the probe record", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(404), Op: mijnhosttest.OpShowDomain})
			return nil
		}, check.StepNameservers, check.OK, []string{ns1, ns2}, check.Unclear},
		{"neither API nor resolver knows the nameservers", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(404), Op: mijnhosttest.OpShowDomain})
			w.dns.resolver = timeout()
			return nil
		}, check.StepNameservers, check.Unknown, []string{"are unknown", "See the delegation step."}, check.Unclear},
		{"API does not list the nameservers", func(w world) change {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(404), Op: mijnhosttest.OpShowDomain})
			return nil
		}, check.StepDelegation, check.Unknown, []string{"does not list", "control panel"}, check.Unclear},
		{"resolver does not answer", func(w world) change {
			w.dns.resolver = timeout()
			return nil
		}, check.StepDelegation, check.Unknown, []string{"timed out", "--resolver"}, check.Unclear},

		{"no CAA records", func(world) change { return nil }, check.StepCAA, check.OK, []string{"No CAA record"}, check.Well},
		{"CAA allows the CA", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "letsencrypt.org"`))
			return nil
		}, check.StepCAA, check.OK, []string{"at example.nl allow letsencrypt.org to issue"}, check.Well},
		{"CAA allows another CA", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "other.test"`))
			return nil
		}, check.StepCAA, check.Problem, []string{"issue names other.test", `0 issue "letsencrypt.org"`}, check.Trouble},
		{"CAA inherited from the domain", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "other.test"`))
			return func(o *check.Options) { o.Name = "a.b.example.nl" }
		}, check.StepCAA, check.Problem, []string{"at example.nl"}, check.Trouble},
		{"CAA of the domain applies to a CNAME to a name without CAA", func(w world) change {
			w.api.AddStaticZone("elsewhere.test", record("A", "x.elsewhere.test.", "192.0.2.10"))
			w.api.AddRecord(domain, record("CNAME", "shop.example.nl.", "x.elsewhere.test."))
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "other.test"`))
			return func(o *check.Options) { o.Name = "shop.example.nl" }
		}, check.StepCAA, check.Problem, []string{"at example.nl"}, check.Trouble},
		{"CAA of the name overrides the domain's", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "other.test"`))
			w.api.AddRecord(domain, record("CAA", "b.example.nl.", `0 issue "letsencrypt.org"`))
			return func(o *check.Options) { o.Name = "a.b.example.nl" }
		}, check.StepCAA, check.OK, []string{"at b.example.nl"}, check.Well},
		{"issuewild, no wildcard requested", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issuewild ";"`))
			return nil
		}, check.StepCAA, check.OK, []string{"They do not allow wildcards: issuewild allows no CA."}, check.Well},
		{"issuewild, wildcard requested", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "letsencrypt.org"`))
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issuewild "other.test"`))
			return func(o *check.Options) { o.Name = "*.example.nl" }
		}, check.StepCAA, check.Problem, []string{"for *.example.nl: issuewild names other.test", `0 issuewild "letsencrypt.org" at example.nl`}, check.Trouble},
		{"other CA", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "Other.test; validationmethods=dns-01"`))
			return func(o *check.Options) { o.CA = "other.test" }
		}, check.StepCAA, check.OK, []string{"allow other.test"}, check.Well},
		{"CAA requires another method", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "letsencrypt.org; validationmethods=http-01"`))
			return nil
		}, check.StepCAA, check.Problem, []string{"validationmethods allows http-01, not dns-01"}, check.Trouble},
		{"CAA for one ACME account", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "letsencrypt.org; accounturi=https://acme.test/1"`))
			return nil
		}, check.StepCAA, check.OK, []string{"accounturi restricts this to one ACME account", "status.acme.uri"}, check.Well},
		{"CAA for one ACME account, wildcard requested", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "letsencrypt.org"`))
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issuewild "letsencrypt.org; accounturi=https://acme.test/1"`))
			return func(o *check.Options) { o.Name = "*.example.nl" }
		}, check.StepCAA, check.OK, []string{"accounturi restricts this to one ACME account"}, check.Well},
		{"unknown critical CAA record", func(w world) change {
			w.api.AddRecord(domain, record("CAA", "example.nl.", `128 novelty "x"`))
			return nil
		}, check.StepCAA, check.Problem, []string{`"novelty" is unknown and marked critical`, "Remove the CAA record with this tag at example.nl."}, check.Trouble},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				change := c.set(w)
				if change == nil {
					change = func(*check.Options) {}
				}
				r := w.run(change)
				checktest.WantStep(w.T, r, c.step, c.status, c.words...)
				checktest.WantOutcome(w.T, r, c.outcome)
				if text := checktest.Text(w.T, r); strings.Contains(text, "203.0.113.9") || strings.Contains(text, "2001:db8") || strings.Contains(text, "10.0.0.1") {
					t.Errorf("report contains an IP address:\n%s", text)
				}
			})
		})
	}
}

func TestDelegation_FromParentZone(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		w.dns.dead[addr1], w.dns.dead[addr2] = timeout(), timeout()
		r := w.run(func(o *check.Options) { o.ReadOnly = true })
		checktest.WantStep(t, r, check.StepDelegation, check.OK)
		if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "the delegation comes from the resolver") {
			t.Errorf("got notes %q", r.Notes)
		}
		if s, ok := checktest.StepOf(r, check.StepServers); ok {
			t.Errorf("got step %+v, want none, because no nameserver answers", s)
		}
	})
}

// The servers step would advise to remove a nameserver from a delegation that must change anyway.
func TestDelegation_ProblemSkipsServers(t *testing.T) {
	t.Parallel()
	for claim, delegated := range map[string][]string{"not delegated": nil, "delegated elsewhere": {"ns1.old.test"}} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				w.dns.delegated["example.nl."] = delegated
				w.dns.dead[addr2] = timeout()
				r := w.run(func(o *check.Options) { o.ReadOnly = true })
				checktest.WantStep(t, r, check.StepDelegation, check.Problem)
				if s, ok := checktest.StepOf(r, check.StepServers); ok {
					t.Errorf("unexpected step: %s %s", s.Summary, s.Remedy)
				}
			})
		})
	}
}

func TestReadOnly_SendsOnlyGET(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		r := w.run(func(o *check.Options) { o.ReadOnly = true })
		for _, request := range w.api.Requests() {
			if request.Method != http.MethodGet {
				t.Errorf("got %s %s", request.Method, request.Path)
			}
		}
		if r.API != nil || r.APICalls != int64(w.api.Calls()) {
			t.Errorf("got API %v after %d calls, want nil after %d", r.API, r.APICalls, w.api.Calls())
		}
	})
}

func TestRun_InvalidName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", "nl", "192.0.2.1", "*.nl", "exa mple.nl", "example..nl", "mün chen.nl", "münchen", "*.*.example.nl", strings.Repeat("a", 64) + ".nl", strings.Repeat("a.", 100) + "nl"} {
		r, err := check.Run(t.Context(), check.Options{Name: name})
		if err == nil || !strings.Contains(err.Error(), "--domain") {
			t.Errorf("%q: got %v, %v", name, r, err)
		}
	}
}
