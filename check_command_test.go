package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

const checkedKey = "key-of-the-account"

// checkWorld is a simulator on loopback with an account that has example.nl.
type checkWorld struct {
	*testing.T
	api    *mijnhosttest.Server
	before []mijnhosttest.Record
}

func newCheckWorld(t *testing.T) checkWorld {
	t.Helper()
	api := mijnhosttest.Start(t, mijnhosttest.Options{})
	api.AddAccount(checkedKey, "example.nl")
	api.SetRecords("example.nl", []mijnhosttest.Record{{Type: "A", Name: "example.nl.", Value: "192.0.2.10", TTL: 3600}})
	return checkWorld{t, api, api.Records("example.nl")}
}

// commandOutcome is the result of a command.
type commandOutcome struct {
	code        int
	out, errOut string
}

// run runs `webhook check` against the simulator, with args.
func (w checkWorld) run(ctx context.Context, onOutput func(string) error, args ...string) commandOutcome {
	w.Helper()
	port := netip.MustParseAddrPort(w.api.DNSAddr()).Port()
	return runCheck(ctx, w.T, onOutput, append([]string{
		"--domain=example.nl", "--mijnhost-base-url=" + w.api.URL(),
		"--resolver=" + w.api.DNSAddr(), "--nameserver-port=" + strconv.Itoa(int(port)),
	}, args...)...)
}

func runCheck(ctx context.Context, t *testing.T, onOutput func(string) error, args ...string) commandOutcome {
	t.Helper()
	run := newCheckRun(onOutput) //nolint:contextcheck // a command gets its context when it is executed
	run.cmd.SetArgs(args)
	_ = run.cmd.ExecuteContext(ctx) // run.codes has the result
	got := commandOutcome{out: run.out.String(), errOut: run.errOut.String()}
	if strings.Contains(got.out+got.errOut, checkedKey) {
		t.Errorf("the output contains the key:\n%s%s", got.out, got.errOut)
	}
	if len(run.codes) != 1 {
		t.Fatalf("got exit codes %v, want one", run.codes)
	}
	got.code = run.codes[0]
	return got
}

// checkRun is a command with its output and exit codes.
type checkRun struct {
	cmd         *cobra.Command
	out, errOut bytes.Buffer
	codes       []int
}

func newCheckRun(onOutput func(string) error) *checkRun {
	run := &checkRun{}
	run.cmd = newCheckCommand(
		func(name string) string {
			return map[string]string{ // never the real APIs
				keyEnvironment: checkedKey + "\n", mijnhostURLEnvironment: "http://127.0.0.1:1", realtimeRegisterURLEnvironment: "http://127.0.0.1:1",
			}[name]
		},
		func(code int) { run.codes = append(run.codes, code) })
	run.cmd.SetOut(writerFunc(func(p []byte) (int, error) {
		if onOutput != nil {
			if err := onOutput(string(p)); err != nil {
				return 0, err
			}
		}
		return run.out.Write(p)
	}))
	run.cmd.SetErr(&run.errOut)
	return run
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (w checkWorld) wantZoneAsBefore() {
	w.Helper()
	if got := w.api.Records("example.nl"); !slices.Equal(got, w.before) {
		w.Errorf("zone: got %v, want %v", got, w.before)
	}
}

// TestCheck_RealHTTPAndDNS only reads. The end-to-end tests and mijnhostcheck run the whole probe.
func TestCheck_RealHTTPAndDNS(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t)
	got := w.run(t.Context(), nil, "--output=json", "--read-only")
	var r check.Result
	if err := json.Unmarshal([]byte(got.out), &r); err != nil {
		t.Fatalf("%v in output %s", err, got.out)
	}
	if got.code != 0 || r.Outcome != check.Well || r.Domain != "example.nl" || r.Version != version || r.Commit != commit {
		t.Errorf("got exit code %d, want 0 and all is well: %s", got.code, got.out)
	}
	w.wantZoneAsBefore()
}

func TestCheck_Interrupted(t *testing.T) { //nolint:paralleltest // a signal goes to the whole process
	for name, interrupt := range map[string]func(context.CancelFunc){
		"SIGINT or SIGTERM": func(cancel context.CancelFunc) { cancel() }, // main cancels the context
		"SIGHUP":            func(context.CancelFunc) { _ = syscall.Kill(os.Getpid(), syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "SIGHUP" && signal.Ignored(syscall.SIGHUP) {
				t.Skip("SIGHUP is ignored, as under nohup")
			}
			w := newCheckWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got := w.run(ctx, func(out string) error {
				if strings.Contains(out, "Wrote the probe record") {
					interrupt(cancel)
				}
				return nil
			}, "--ttl=77")
			if !slices.ContainsFunc(w.api.Requests(), func(r mijnhosttest.Request) bool { return strings.Contains(string(r.Body), `"ttl":77`) }) {
				t.Error("the probe record does not have the TTL from --ttl")
			}
			if got.code != 2 || !strings.Contains(got.out, "Removed the probe record.") ||
				!strings.HasPrefix(got.errOut, "Writing the probe record.\n") || !strings.Contains(got.errOut, "Interrupted.") {
				t.Errorf("got exit code %d, want 2 and a removed probe record:\n%s%s", got.code, got.out, got.errOut)
			}
			w.wantZoneAsBefore()
		})
	}
}

func TestCheck_ExitCode(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("another-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := file + ".empty"
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cluster := issuerCluster(t, "{}", "{}")
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"all is well", nil, 0, "All is well.\nChecked by version " + version + " (commit " + commit + ")"},
		{"CA without --ca", nil, 0, "No CAA record blocks letsencrypt.org."},
		{"empty key file", []string{"--provider=mijn-host", "--api-key-file=" + empty}, 1, "Get a key from mijn.host's control panel"},
		{"Secret", []string{"--provider=mijn-host", "--secret=team/s", "--secret-key=token", "--kubeconfig=" + cluster}, 0, "the API key from the Secret team/s"},
		{"Secret without --secret-key", []string{"--provider=mijn-host", "--secret=team/s", "--kubeconfig=" + cluster}, 1, "has no key api-key"},
		{"key rejected", []string{"--provider=mijn-host", "--api-key-file=" + file}, 1, "1 problem found."},
		{"CA from --ca", []string{"--ca=Other.test"}, 0, "No CAA record blocks other.test."},
		{"resolver unreachable", []string{"--resolver=127.0.0.1:1"}, 2, "inconclusive"},
		{"timeout", []string{"--timeout=1ns"}, 2, "the check timed out"},
		{"no cluster", []string{"--provider=mijn-host", "--secret=ns/name", "--kubeconfig=" + file + ".none"}, 2, "with --api-key-file or MIJNHOST_API_KEY."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newCheckWorld(t)
			if got := w.run(t.Context(), nil, append(c.args, "--read-only")...); got.code != c.code || !strings.Contains(got.out, c.want) || got.errOut != "" {
				t.Errorf("got exit code %d, want %d and %q, without progress:\n%s%s", got.code, c.code, c.want, got.out, got.errOut)
			}
		})
	}
}

func TestCheck_RemoveValue(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t)
	if got := w.run(t.Context(), nil, "--remove-value=no-such-value"); got.code != 1 || !strings.Contains(got.out, `Value "no-such-value" not found`) {
		t.Errorf("got exit code %d, want 1 and a value that is not found:\n%s%s", got.code, got.out, got.errOut)
	}
	w.wantZoneAsBefore()
}

func TestCheck_InvalidCommandLine(t *testing.T) {
	t.Parallel()
	const domain = "--domain=example.nl"
	for _, c := range []struct {
		want string
		args []string
	}{
		{"--domain, --issuer", nil},
		{"unknown flag", []string{domain, "--nonsense"}},
		{"unexpected argument", []string{domain, "example.nl"}},
		{"must be a domain name", []string{"--domain=nl"}},
		{"not an IP address", []string{"--domain=192.0.2.1"}},
		{"\"a b\" is not a domain name", []string{domain, "--allowed-domains=a b"}},
		{"must be text or json", []string{domain, "--output=yaml"}},
		{"are mutually exclusive", []string{domain, "--api-key-file=f", "--secret=a/b"}},
		{"must be NAMESPACE/NAME", []string{domain, "--provider=mijn-host", "--secret=b"}},
		{"must be NAMESPACE/NAME", []string{domain, "--provider=mijn-host", "--secret=/b"}},
		{"must be NAMESPACE/NAME", []string{domain, "--provider=mijn-host", "--secret=a/"}},
		{"must be NAMESPACE/NAME", []string{domain, "--provider=mijn-host", "--secret=a/b/c"}},
		{"must be HOST:PORT", []string{domain, "--resolver=192.0.2.53"}},
		{"--ttl must be", []string{domain, "--ttl=0"}},
		{"--timeout must be", []string{domain, "--timeout=0s"}},
		{"must be an https URL", []string{domain, "--mijnhost-base-url=mijn.host"}},
		{"--realtimeregister-base-url must be an https URL", []string{domain, "--provider=realtime-register", "--realtimeregister-base-url=http://api.test"}},
		{"no API key: set --api-key-file, --secret or the environment variable " + realtimeRegisterKeyEnvironment, []string{domain, "--provider=realtime-register"}},
		{"invalid argument \"x\" for \"-", []string{domain, "--timeout=x"}},
		{"--remove-value and --read-only or --write are mutually exclusive", []string{domain, "--remove-value=x", "--read-only"}},
		{"--remove-value and --read-only or --write are mutually exclusive", []string{domain, "--remove-value=x", "--write"}},
		{"--remove-value requires --domain", []string{"--issuer=a/b", "--remove-value=x"}},
		{"--issuer, --cluster-issuer and --certificate are mutually exclusive", []string{"--issuer=a/b", "--cluster-issuer=b"}},
		{"--issuer, --cluster-issuer and --certificate are mutually exclusive", []string{"--certificate=a/b", "--cluster-issuer=b"}},
		{"come from the Issuer or Certificate", []string{"--issuer=a/b", "--api-key-file=f"}},
		{"come from the Issuer or Certificate", []string{"--issuer=a/b", "--secret=a/b"}},
		{"come from the Issuer or Certificate", []string{"--issuer=a/b", "--provider=mijn-host"}},
		{"--issuer must be", []string{"--issuer=a/b/c"}},
		{"--issuer must be", []string{"--issuer=A"}},
		{"--issuer must be", []string{"--certificate=a/"}},
		{"--issuer must be", []string{"--cluster-issuer=a/b"}},
		{"--issuer must be", []string{"--cluster-issuer=a", "--cluster-resource-namespace=a/b"}},
		{"--certificate must be NAMESPACE/NAME", []string{"--certificate=web"}},
		{"must be a domain name", []string{"--issuer=a/b", "--domain=nl"}},
		{"no cluster configured", []string{"--issuer=a/b", "--kubeconfig=/does/not/exist"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			if got := runCheck(t.Context(), t, nil, c.args...); got.code != 2 || got.out != "" || !strings.Contains(got.errOut, c.want) {
				t.Errorf("got exit code %d, want 2 and %q:\n%s%s", got.code, c.want, got.out, got.errOut)
			}
		})
	}
}

// The report is lost, so only the exit code shows the failure.
func TestCheck_OutputFails(t *testing.T) {
	t.Parallel()
	for _, output := range []string{"text", "json"} {
		w := newCheckWorld(t)
		failed := false
		got := w.run(t.Context(), func(string) error {
			if failed {
				return nil
			}
			failed = true
			return errors.New("no space left on device")
		}, "--read-only", "--output="+output)
		if got.code != 2 {
			t.Errorf("%s: got exit code %d, want 2", output, got.code)
		}
	}
}

// Standard error shows the address that mijn.host sees. The report does not.
func TestCheck_AddressRefused(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t)
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.NotOnAllowList()})
	const address = "IP address 127.0.0.1"
	if got := w.run(t.Context(), nil, "--read-only"); !strings.Contains(got.errOut, address) || strings.Contains(got.out, address) {
		t.Errorf("got report %q and standard error %q, want %s only in the latter", got.out, got.errOut, address)
	}
}

func TestCheck_SharesEnvironmentWithServer(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t)
	env := map[string]string{
		"MIJNHOST_API_KEY": checkedKey, "MIJNHOST_BASE_URL": w.api.URL(), "ALLOWED_DOMAINS": "other.nl, third.nl",
		"REALTIMEREGISTER_BASE_URL": "https://rtr.test/v2", "POD_NAMESPACE": "webhook",
	}
	getenv := func(name string) string { return env[name] }
	port := netip.MustParseAddrPort(w.api.DNSAddr()).Port()
	var out bytes.Buffer
	code := 0
	cmd := newCheckCommand(getenv, func(c int) { code = c })
	cmd.SetArgs([]string{"--domain=example.nl", "--read-only", "--resolver=" + w.api.DNSAddr(), "--nameserver-port=" + strconv.Itoa(int(port))})
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code != 1 || !strings.Contains(out.String(), "--allowed-domains has only other.nl and third.nl") || w.api.Calls() == 0 {
		t.Errorf("got exit code %d after %d calls, want 1 and the allowed domains:\n%s", code, w.api.Calls(), out.String())
	}
	server := newCommand(getenv)
	for flag, want := range map[string]string{
		"mijnhost-base-url": w.api.URL(), "realtimeregister-base-url": "https://rtr.test/v2", "allowed-domains": "[other.nl,third.nl]", "lease-namespace": "webhook",
	} {
		if got := server.Flags().Lookup(flag).Value.String(); got != want {
			t.Errorf("server: --%s is %s, want %s", flag, got, want)
		}
		if got := cmd.Flags().Lookup(flag).Value.String(); got != want {
			t.Errorf("check: --%s is %s, want %s", flag, got, want)
		}
	}
}

func TestCheck_NoAPIKey(t *testing.T) {
	t.Parallel()
	var errOut bytes.Buffer
	code := 0
	cmd := newCheckCommand(func(string) string { return "" }, func(c int) { code = c })
	cmd.SetArgs([]string{"--domain=example.nl"})
	cmd.SetErr(&errOut)
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), keyEnvironment) || code != 2 {
		t.Errorf("got error %v and exit code %d, want %s and 2", err, code, keyEnvironment)
	}
}

func TestCheck_Provider(t *testing.T) {
	t.Parallel()
	api := realtimeregistertest.Start(t, realtimeregistertest.Options{})
	api.AddAccount("reseller", checkedKey)
	api.SetReadOnly(checkedKey)
	api.AddZone("reseller", realtimeregistertest.Zone{
		Name: "example.nl", Records: []string{realtimeregistertest.Record("example.nl", "A", "192.0.2.10", 3600)},
	})
	port := netip.MustParseAddrPort(api.DNSAddr()).Port()
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"--provider": {
			map[string]string{keyEnvironment: "another", realtimeRegisterKeyEnvironment: checkedKey},
			[]string{"--provider=realtime-register"},
			"Realtime Register accepts the API key",
		},
		"only one key set":          {map[string]string{realtimeRegisterKeyEnvironment: checkedKey}, nil, "Realtime Register accepts the API key"},
		"file without --provider":   {map[string]string{keyEnvironment: checkedKey}, []string{"--api-key-file=f"}, "--provider is required"},
		"Secret without --provider": {map[string]string{keyEnvironment: checkedKey}, []string{"--secret=a/b"}, "--provider is required"},
		"two keys without --provider": {
			map[string]string{keyEnvironment: checkedKey, realtimeRegisterKeyEnvironment: checkedKey}, nil, "--provider is required",
		},
		"--write":                 {map[string]string{realtimeRegisterKeyEnvironment: checkedKey}, []string{"--write"}, "not allowed to update zones"},
		"empty variable":          {map[string]string{realtimeRegisterKeyEnvironment: " "}, nil, "Get a key from Realtime Register's portal"},
		"unknown provider":        {map[string]string{keyEnvironment: checkedKey}, []string{"--provider=mijn.host"}, "must be mijn-host or realtime-register"},
		"--read-only and --write": {map[string]string{realtimeRegisterKeyEnvironment: checkedKey}, []string{"--read-only", "--write"}, "mutually exclusive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			cmd := newCheckCommand(func(name string) string { return c.env[name] }, func(int) {})
			cmd.SetArgs(append(c.args, "--domain=example.nl", "--realtimeregister-base-url="+api.URL(), "--mijnhost-base-url=http://127.0.0.1:1",
				"--resolver="+api.DNSAddr(), "--nameserver-port="+strconv.Itoa(int(port))))
			cmd.SetOut(&out)
			cmd.SetErr(&out)
			_ = cmd.ExecuteContext(t.Context()) // the output has the result
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("output lacks %q:\n%s", c.want, out.String())
			}
		})
	}
}
