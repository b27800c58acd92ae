package mijnhostcheck_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const notManaged = "DNS records not managed by mijn.host"

func TestProbe_PatchAddsNote(t *testing.T) {
	t.Parallel()
	for reading, want := range map[mijnhosttest.PatchReading]string{
		mijnhosttest.PatchAdds:     "Set --mijnhost-patch-adds=example.nl on the webhook (chart value mijnHost.patchAdds)",
		mijnhosttest.PatchReplaces: "challenges for one name take turns. Do not list example.nl in --mijnhost-patch-adds",
	} {
		t.Run(reading.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{Patch: reading}, func(w world) {
				r := w.run()
				checktest.WantOutcome(t, r, check.Well)
				if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], want) {
					t.Errorf("got notes %q, want %q", r.Notes, want)
				}
			})
		})
	}
}

func TestManaged_ElsewhereNeedsConfirmation(t *testing.T) {
	t.Parallel()
	hide := func(w world) {
		w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(404), Op: mijnhosttest.OpShowDomain})
	}
	passing := func(w world) {
		w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(400, notManaged), Op: mijnhosttest.OpReadRecords, Times: 1})
	}
	for claim, c := range map[string]struct {
		spoil  func(world)
		status check.Status
		words  string
		reads  int
	}{
		"transient, managed_dns is true": {passing, check.OK, "mijn.host hosts", 2},
		"transient, managed_dns omitted": {func(w world) { hide(w); passing(w) }, check.OK, "mijn.host hosts", 2},
		"managed_dns is false":           {func(w world) { w.api.SetDNSElsewhere(domain) }, check.Problem, "is not hosted at", 1},
		"confirmed by the second read":   {func(w world) { hide(w); w.api.SetDNSElsewhere(domain) }, check.Problem, "is not hosted at", 2},
		"permanent, managed_dns is true": {notManagedAndManaged, check.Problem, "Cannot read the records", 2},
		"second read fails": {func(w world) {
			hide(w)
			passing(w)
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(403), Op: mijnhosttest.OpReadRecords})
		}, check.Problem, "Cannot read the records of example.nl", 2},
		"API hangs": {func(w world) {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Hang(), Skip: 1})
		}, check.Unknown, "--mijnhost-base-url", 0},
		"other failure": {func(w world) {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(403), Op: mijnhosttest.OpReadRecords})
		}, check.Problem, "403", 1},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				c.spoil(w)
				r := w.run(func(o *check.Options) { o.ReadOnly = true })
				checktest.WantStep(t, r, check.StepManaged, c.status, c.words)
				if got := w.api.CallsOf(mijnhosttest.OpReadRecords); got != c.reads {
					t.Errorf("got %d reads, want %d", got, c.reads)
				}
			})
		})
	}
}

// managed_dns is undocumented, so it does not outweigh a successful read.
func TestManaged_ReadDecides(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		r := w.run(func(o *check.Options) {
			o.ReadOnly = true
			through(o, showing(`"managed_dns":true`, `"managed_dns":false`)) //nolint:bodyclose // the client closes it
		})
		checktest.WantStep(t, r, check.StepManaged, check.OK, "mijn.host hosts")
	})
}

func notManagedAndManaged(w world) {
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(400, notManaged), Op: mijnhosttest.OpReadRecords})
}

func TestDomain_IncompleteList(t *testing.T) {
	t.Parallel()
	outside := func(w world) {
		w.api.AddStaticZone("delegated.test", record("CNAME", "_acme-challenge.delegated.test.", "x.theirs.nl."))
	}
	down := func(w world) {
		w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500), Op: mijnhosttest.OpReadRecords})
	}
	for claim, c := range map[string]struct {
		name   string
		spoil  func(world)
		step   check.StepID
		status check.Status
		words  []string
	}{
		"domain itself":             {domain, nil, check.StepDomain, check.OK, []string{"has the domain example.nl"}},
		"name far below the domain": {"a.b.c.example.nl", nil, check.StepDomain, check.OK, []string{"_acme-challenge.a.b.c.example.nl"}},
		"longest match first":       {"www.below.example.nl", func(w world) { w.api.AddAccount(testKey, "below.example.nl") }, check.StepDomain, check.OK, []string{"domain below.example.nl"}},
		"nameservers elsewhere":     {domain, func(w world) { w.api.SetDNSElsewhere(domain) }, check.StepManaged, check.Problem, []string{"is not hosted at"}},
		"transient 400": {domain, func(w world) {
			w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(400), Op: mijnhosttest.OpReadRecords, Times: 2})
		}, check.StepDomain, check.OK, nil},
		"domain of another account": {"theirs.nl", nil, check.StepDomain, check.Problem, []string{"no domain that covers", "Use an API key of the account"}},
		"API down":                  {"theirs.nl", down, check.StepDomain, check.Unknown, []string{"inconclusive", "500"}},
		"target of a CNAME": {"delegated.test", func(w world) {
			w.api.AddStaticZone("delegated.test", record("CNAME", "_acme-challenge.delegated.test.", "x.example.nl."))
		}, check.StepChallenge, check.OK, []string{"Follow"}},
		"target of a CNAME, outside the account": {"delegated.test", outside, check.StepChallenge, check.Problem, []string{"this account has no domain that covers"}},
		"target of a CNAME, API down":            {"delegated.test", func(w world) { outside(w); down(w) }, check.StepDomain, check.Unknown, []string{"x.theirs.nl", "inconclusive", "500"}},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.NoDomains(), Op: mijnhosttest.OpListDomains})
				if c.spoil != nil {
					c.spoil(w)
				}
				r := w.run(func(o *check.Options) { o.Name, o.ReadOnly = c.name, true })
				checktest.WantStep(t, r, c.step, c.status, c.words...)
				if claim == "target of a CNAME" && w.api.CallsOf(mijnhosttest.OpReadRecords) != 2 {
					t.Errorf("got %d reads, want 2: one to find the domain, one of its records", w.api.CallsOf(mijnhosttest.OpReadRecords))
				}
				if text := checktest.Text(t, r); strings.Contains(text, " move") {
					t.Errorf("report advises to move something:\n%s", text)
				}
			})
		})
	}
}

func TestKey_AddressRefused(t *testing.T) {
	t.Parallel()
	const address = "203.0.113.9"
	for claim, whoami := range map[string]string{
		"whoami answers":                    `{"status":200,"status_description":"OK","data":{"ip":"` + address + `"}}`,
		"whoami answers without an address": `{"status":200,"status_description":"OK","data":{"ip":""}}`,
		"whoami is refused":                 "",
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(401, "Remote IP address is not found in the API key whitelist")})
				var aside []string
				r := w.run(func(o *check.Options) {
					o.OnAside = func(words string) { aside = append(aside, words) }
					through(o, func(r *http.Request, send http.RoundTripper) (*http.Response, error) {
						if whoami != "" && strings.HasSuffix(r.URL.Path, "/whoami") {
							return answer(whoami), nil
						}
						return send.RoundTrip(r)
					})
				})
				checktest.WantStep(t, r, check.StepKey, check.Problem, "allow-list of the mijn.host API key", "Add this system's public IP address", "to the key's list")
				if strings.Contains(checktest.Text(t, r), "wrong, expired") {
					t.Error("report says that the key is wrong")
				}
				if strings.Contains(checktest.Text(t, r), address) {
					t.Error("report contains the address")
				}
				if want := strings.Contains(whoami, address); strings.Contains(strings.Join(aside, ""), address) != want || !want && len(aside) > 0 {
					t.Errorf("got %q beside the report, want the address: %v", aside, want)
				}
			})
		})
	}
}

func TestDomain_ListedForms(t *testing.T) {
	t.Parallel()
	const ascii = "xn--bcher-kva.nl"
	for listed, names := range map[string][]string{
		"bücher.nl":            {"bücher.nl", "*.BÜCHER.nl", "www." + ascii},
		"bücher.nl.":           {ascii},
		"Bücher.NL":            {ascii},
		strings.ToUpper(ascii): {ascii},
	} {
		for _, name := range names {
			t.Run(listed+" for "+name, func(t *testing.T) {
				t.Parallel()
				inBubble(t, mijnhosttest.Options{Names: mijnhosttest.NamesRelative, DNSLag: time.Second}, func(w world) {
					w.api.AddAccount(testKey, ascii)
					before := w.api.Records(ascii)
					r := w.run(func(o *check.Options) {
						o.Name = name
						through(o, listing(ascii, listed)) //nolint:bodyclose // the client closes it
					})
					checktest.WantOutcome(t, r, check.Well)
					if r.Domain != ascii || measured(r).Names != "relative" || !slices.Equal(w.api.Records(ascii), before) {
						t.Errorf("%s: got %+v\n%s", r.Domain, measured(r), checktest.Text(t, r))
					}
				})
			})
		}
	}
}

// listing lists a domain in another form, and knows it only in that form, without a final dot.
func listing(ascii, listed string) func(*http.Request, http.RoundTripper) (*http.Response, error) {
	return func(r *http.Request, send http.RoundTripper) (*http.Response, error) {
		r = r.Clone(r.Context())
		before, after, _ := strings.Cut(r.URL.Path, "/domains/")
		switch name, rest, _ := strings.Cut(after, "/"); name {
		case strings.TrimSuffix(listed, "."):
			r.URL = &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: strings.TrimSuffix(before+"/domains/"+ascii+"/"+rest, "/")}
		case ascii:
			return answer(`{"status":400,"status_description":"You have no access to this resource"}`), nil
		}
		a, err := send.RoundTrip(r)
		if err != nil || after != "" {
			return a, err
		}
		return replaceIn(a, ascii, listed)
	}
}

// showing replaces text in the responses to GET.
func showing(stored, shown string) func(*http.Request, http.RoundTripper) (*http.Response, error) {
	return func(r *http.Request, send http.RoundTripper) (*http.Response, error) {
		a, err := send.RoundTrip(r)
		if err != nil || r.Method != http.MethodGet || stored == "" {
			return a, err
		}
		return replaceIn(a, stored, shown)
	}
}

// replaceIn replaces text in the body of a response.
func replaceIn(a *http.Response, before, after string) (*http.Response, error) {
	body, err := io.ReadAll(a.Body)
	if err != nil {
		return nil, err
	}
	a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(before), []byte(after)))), -1
	a.Header.Del("Content-Length")
	return a, nil
}

func TestDelegation_NameserversInAnotherForm(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		r := w.run(func(o *check.Options) {
			o.ReadOnly = true
			through(o, showing(`.mijn.host"`, `.Mijn.HOST."`)) //nolint:bodyclose // the client closes it
		})
		checktest.WantStep(t, r, check.StepDelegation, check.OK, ns1)
	})
}

func answer(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// through sends all requests through send.
func through(o *check.Options, send func(*http.Request, http.RoundTripper) (*http.Response, error)) {
	api := o.Host.(*mijnhostcheck.Host).API //nolint:errcheck,forcetypeassert // options made it
	o.Host = &mijnhostcheck.Host{API: mijnhost.Options{BaseURL: api.BaseURL, UserAgent: api.UserAgent, Transport: between{send, api.Transport}}}
}

type between struct {
	send    func(*http.Request, http.RoundTripper) (*http.Response, error)
	through http.RoundTripper
}

func (b between) RoundTrip(r *http.Request) (*http.Response, error) { return b.send(r, b.through) }
