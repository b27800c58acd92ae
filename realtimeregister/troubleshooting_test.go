package realtimeregister_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/troubleshootingtest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// docs/guides/troubleshooting.md quotes every message about Realtime Register and about Leases, word for word, and no other.
func TestTroubleshooting_Messages(t *testing.T) {
	t.Parallel()
	quoted := troubleshootingtest.Quotes(t, "The webhook says of Realtime Register")
	var said []string
	for name, cause := range causes() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sim.Options{}, func(w world) {
				err := cause(w)
				if left := new(dnshost.LeftBehindError); errors.As(err, &left) {
					err = left.Reason
				}
				if err == nil || !slices.Contains(quoted, err.Error()) {
					w.Fatalf("docs/guides/troubleshooting.md lacks %q", err)
				}
				said = append(said, err.Error())
			})
		})
	}
	for _, message := range quoted {
		if !slices.Contains(said, message) {
			t.Errorf("docs/guides/troubleshooting.md has %q, which no case here produces", message)
		}
	}
	all := strings.Join(quoted, "\n")
	for _, file := range []string{"errors.go", "answer.go", "../internal/keylock/kubelease/kubelease.go"} {
		for _, text := range literals(t, file, `(?:errors\.New|fmt\.Sprintf)\("([^"]+)"`) {
			if !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), "%s", ".+")).MatchString(all) {
				t.Errorf("docs/guides/troubleshooting.md lacks %q of %s", text, file)
			}
		}
	}
}

// The guide explains every line that the zone writer logs.
func TestTroubleshooting_LogLines(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var logged []string
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			logged = append(logged, literals(t, file, `log\.(?:Info\(|Error\([^"]+(?:"[^"]+"\),\s+)?)"([^"]+)"`)...)
		}
	}
	quoted := troubleshootingtest.Quotes(t, "The webhook's log says of Realtime Register")
	slices.Sort(logged)
	slices.Sort(quoted)
	if !slices.Equal(logged, quoted) {
		t.Errorf("the code logs\n%s\nbut docs/guides/troubleshooting.md quotes\n%s", strings.Join(logged, "\n"), strings.Join(quoted, "\n"))
	}
}

// causes maps failures to calls that return their message.
func causes() map[string]func(world) error {
	add := func(w world) error { return w.add(acme(1)) }
	return map[string]func(world) error{
		"rejected key":  func(w world) error { w.api.RevokeKey(testKey); return add(w) },
		"read-only key": func(w world) error { w.api.SetReadOnly(testKey); return add(w) },
		"no zone":       func(w world) error { w.api.RemoveZone(w.zone); return add(w) },
		"zone gone": func(w world) error {
			w.must(add(w))
			w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.Status(404)})
			return w.remove(acme(1))
		},
		"missing zone": func(w world) error {
			w.api.Inject(sim.Fault{Op: sim.OpListZones, Kind: sim.Status(404)})
			return add(w)
		},
		"two services": func(w world) error {
			w.api.AddZone("reseller", sim.Zone{Name: "example.nl", Service: "PREMIUM", Records: others()})
			return add(w)
		},
		"linked":    func(w world) error { w.api.SetSetting(w.zone, "template", `"standard"`); return add(w) },
		"secondary": func(w world) error { w.api.SetSetting(w.zone, "master", `"192.0.2.53"`); return add(w) },
		"pending deletion": func(w world) error {
			w.must(add(w))
			w.api.SetSetting(w.zone, "deletionDate", `"2027-01-01T00:00:00Z"`)
			return w.add(acme(2))
		},
		"no records": func(w world) error { w.api.SetRecords(w.zone); return add(w) },
		"only record": func(w world) error {
			w.api.SetRecords(w.zone, sim.Record("_acme-challenge.example.nl", "TXT", acme(1), 300))
			return w.remove(acme(1))
		},
		"rate-limited":    injecting("", sim.RateLimited(nil)),
		"500":             injecting("", sim.Failure(500, "InternalSRSError", "Internal error")),
		"HTML page":       injecting("", sim.HTMLPage(502)),
		"hang":            injecting("", sim.Hang()),
		"other zone":      injecting(sim.OpReadZone, sim.OtherName("example.org")),
		"endless list":    injecting(sim.OpListZones, sim.OtherShape(`{"entities":[{"id":1,"name":"example.nl"}],"pagination":{"total":1000}}`)),
		"busy":            injecting(sim.OpUpdateZone, sim.Failure(400, "ProcessError", "Another process is running")),
		"rejected update": injecting(sim.OpUpdateZone, sim.Failure(400, "DnsConfigurationException", "Invalid DNS configuration")),
		"index out of range": answering(http.StatusBadRequest,
			`{"type":"DnsConfigurationException","message":"Invalid DNS configuration","errors":{"99":{"name":["is not valid"]}}}`),
		"refused":           unreachable(syscall.ECONNREFUSED),
		"no such host":      unreachable(&net.DNSError{Name: "api.yoursrs.com"}),
		"unknown authority": unreachable(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}),
		"blocking record": func(w world) error {
			w.api.AddRecord(w.zone, `{"name":"mail.example.nl","type":"MX","content":"mx.example.nl","ttl":60}`)
			return add(w)
		},
		"rejected value": func(w world) error {
			w.api.AddRecord(w.zone, sim.Record("_acme-challenge.example.nl", "CNAME", "elsewhere.example", 60))
			return add(w)
		},
		"superseded": func(w world) error {
			w.must(w.add(acme(2)))
			w.api.Reconfigure(func(o *sim.Options) { o.Latency = 100 * time.Millisecond })
			superseded := make(chan error, 1)
			go func() { _ = w.add(acme(0)) }()
			time.Sleep(50 * time.Millisecond)
			go func() { superseded <- add(w) }()
			time.Sleep(50 * time.Millisecond)
			w.must(w.remove(acme(1)))
			return <-superseded
		},
		"full queue": func(w world) error {
			w.api.Reconfigure(func(o *sim.Options) { o.Latency = 9 * time.Second })
			return atOnce(60, func(i int) error {
				r := dnshost.TXT{Zone: fmt.Sprintf("z%d.nl.", i), FQDN: fmt.Sprintf("_acme-challenge.z%d.nl.", i), Value: acme(i)}
				if err := w.present(w.Context(), r); strings.Contains(err.Error(), "in progress for this API key") {
					return err
				}
				return nil
			})
		},
		"zone in use": func(w world) error {
			w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.Slow(8 * time.Second)})
			go func() { _ = w.add(acme(0)) }()
			time.Sleep(time.Second)
			return add(w)
		},
		"Lease in use": func(w world) error {
			holder := w.newProcess("two")
			w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.Slow(0), When: func(sim.Request) bool {
				holder.dead.Store(true)
				return false
			}})
			_ = holder.present(w.Context(), txt(testName, acme(0)))
			return add(w)
		},
		"lost Lease": func(w world) error {
			w.cluster.Inject(func(r leasetest.Request) leasetest.Fault {
				if r.Method == http.MethodPut && !r.Releases {
					return leasetest.Fault{Status: http.StatusConflict}
				}
				return leasetest.Fault{}
			})
			return add(w)
		},
		"no namespace":  leasing(func(*leasetest.Cluster) *kubelease.Leases { return kubelease.New("") }),
		"not connected": leasing(func(*leasetest.Cluster) *kubelease.Leases { return kubelease.New("webhook") }),
		"no RBAC": func(w world) error {
			w.cluster.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Status: http.StatusForbidden} })
			return add(w)
		},
		"no Kubernetes": func(w world) error {
			w.cluster.Inject(func(leasetest.Request) leasetest.Fault {
				return leasetest.Fault{Status: http.StatusInternalServerError}
			})
			return add(w)
		},
		"unconfirmed": injecting(sim.OpUpdateZone, sim.DropBefore()),
		"unconfirmed 202": func(w world) error {
			w.api.Reconfigure(func(o *sim.Options) { o.EffectDelay = time.Minute })
			return add(w)
		},
		"outdated": func(w world) error {
			w.must(add(w))
			w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.ShortRead()})
			return w.add(acme(2))
		},
		"slow": func(w world) error {
			w.must(add(w))
			w.api.Reconfigure(func(o *sim.Options) { o.Latency = 7950 * time.Millisecond })
			w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.ShortRead(), Times: 1})
			return w.add(acme(2))
		},
		"changed setting": func(w world) error {
			w.api.Reconfigure(func(o *sim.Options) { o.Latency = 100 * time.Millisecond })
			go func() {
				time.Sleep(250 * time.Millisecond)
				w.api.SetSetting(w.zone, "dnssec", "true")
			}()
			w.must(add(w))
			return w.add(acme(2))
		},
		"a bug": func(world) error { return realtimeregister.ErrUnsafe }, // no known input causes it
	}
}

func injecting(op sim.Operation, kind sim.Kind) func(world) error {
	return func(w world) error {
		w.api.Inject(sim.Fault{Op: op, Kind: kind})
		return w.add(acme(1))
	}
}

func leasing(leases func(*leasetest.Cluster) *kubelease.Leases) func(world) error {
	return func(w world) error {
		p := w.newProcess("two", func(o *realtimeregister.Options) { o.Leases = leases(w.cluster) })
		return p.present(w.Context(), txt(testName, acme(1)))
	}
}

type transport func(*http.Request) (*http.Response, error)

func (send transport) RoundTrip(r *http.Request) (*http.Response, error) { return send(r) }

func unreachable(cause error) func(world) error {
	return func(w world) error {
		p := w.newProcess("two", func(o *realtimeregister.Options) {
			o.Transport = transport(func(*http.Request) (*http.Response, error) { return nil, cause })
		})
		return p.present(w.Context(), txt(testName, acme(1)))
	}
}

// answering replaces the response to each update.
func answering(status int, body string) func(world) error {
	return func(w world) error {
		p := w.newProcess("two", func(o *realtimeregister.Options) {
			send := o.Transport
			o.Transport = transport(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet {
					return send.RoundTrip(r)
				}
				return &http.Response{
					StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
				}, nil
			})
		})
		return p.present(w.Context(), txt(testName, acme(1)))
	}
}

// literals returns the matches of a pattern's first group in a file.
func literals(t *testing.T, file, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
		all = append(all, string(match[1]))
	}
	return all
}
