package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const zonesJSON = `{
  "zones": [
    {"name": "example.nl", "records": [{"name": "www.example.nl", "type": "A", "content": "192.0.2.1", "ttl": 60}]},
    {"name": "team.nl", "account": "team", "service": "PREMIUM", "records": [{"name": "team.nl", "type": "TXT", "content": "marker", "ttl": 60}]}
  ],
  "static": [
    {"name": "other.example", "records": [{"name": "_acme-challenge.other.example", "type": "CNAME", "content": "www.example.nl", "ttl": 60}]}
  ],
  "challenges": ["_acme-challenge.team.nl"]
}`

func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func environment(key string) func(string) string {
	return func(name string) string {
		if name == keyVariable {
			return key
		}
		return ""
	}
}

// daemon is the command under test, running.
type daemon struct {
	ready  ready
	stop   func() error // stops it and waits
	stdout *bufio.Reader
	stderr *bytes.Buffer // read only after stop
}

func start(t *testing.T, args ...string) *daemon {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	d := &daemon{stdout: bufio.NewReader(out), stderr: &bytes.Buffer{}}
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, environment("main-key\n"), in, d.stderr)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	d.stop = func() error {
		cancel()
		return <-ended
	}
	line, err := d.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("not ready: %v", d.stop())
	}
	if err := json.Unmarshal([]byte(line), &d.ready); err != nil {
		t.Fatalf("line %q: %v", line, err)
	}
	return d
}

func (d *daemon) call(t *testing.T, method, path, key, body string) (code int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.ready.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "ApiKey "+key)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func TestRun_ServesZonesAndLogsChanges(t *testing.T) {
	t.Parallel()
	d := start(t,
		"-zones", write(t, "zones.json", zonesJSON),
		"-key-file", "team="+write(t, "key", " team-key\n"),
		"-names", "upper",
	)
	if code, body := d.call(t, "GET", "/dns/zones?name=example.nl", "main-key", ""); code != 200 || !strings.Contains(body, `"name": "WWW.EXAMPLE.NL"`) {
		t.Errorf("GET: got %d %s", code, body)
	}
	if code, body := d.call(t, "GET", "/dns/zones/101", "team-key", ""); code != 400 {
		t.Errorf("GET with the key of another account: got %d %s", code, body)
	}
	const marker = `{"name": "team.nl", "type": "TXT", "content": "marker", "ttl": 60}`
	const value = `{"name":"_acme-challenge.team.nl","type":"TXT","content":"v","ttl":60}`
	d.call(t, "GET", "/dns/zones/102", "team-key", "")
	for _, records := range []string{marker + "," + value, marker, ""} {
		if code, body := d.call(t, "POST", "/dns/zones/102/update", "team-key", `{"records":[`+records+`]}`); code != 200 {
			t.Errorf("POST %s: got %d %s", records, code, body)
		}
	}
	query := new(dns.Msg)
	query.SetQuestion("_acme-challenge.other.example.", dns.TypeA)
	if got, err := dns.Exchange(query, d.ready.DNS); err != nil || len(got.Answer) != 2 {
		t.Errorf("DNS: got %v, %v", got, err)
	}

	if err := d.stop(); err != nil {
		t.Error(err)
	}
	log := d.stderr.String()
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if len(lines) != 4 ||
		!strings.HasSuffix(lines[0], `added    `+value+`  (zone team.nl, by the API)`) ||
		!strings.HasSuffix(lines[1], `removed  `+value+`  (zone team.nl, by the API)`) ||
		!strings.HasSuffix(lines[2], `removed  `+marker+`  (zone team.nl, by the API)`) ||
		!strings.HasPrefix(lines[3], "an update did harm: zone 102: lost (preventable)") {
		t.Errorf("log:\n%s", log)
	}
	if rest, _ := io.ReadAll(d.stdout); len(rest) > 0 {
		t.Errorf("more than one line on stdout: %q", rest)
	}
	if strings.Contains(log, "-key") {
		t.Errorf("the log contains a key:\n%s", log)
	}
}

func TestRun_InvalidArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		claim, key, words string
		args              []string
	}{
		{"no key", "", "an API key is required", nil},
		{"empty key file", "", `the key file of account "default" is empty`, []string{"-key-file", write(t, "key", "\n")}},
		{"key in place of its file", "", `account "default": no such file or directory`, []string{"-key-file", "s3cret"}},
		{"zone of an account without a key", "k", `account "team", which has no key`, []string{"-zones", write(t, "z", zonesJSON)}},
		{"zones file missing", "k", "reading the zones", []string{"-zones", "/nonexistent"}},
		{"unknown field in zones file", "k", `unknown field "zone"`, []string{"-zones", write(t, "z", `{"zone":[]}`)}},
		{"record is not an object", "k", "record 0 of the zone x.nl is not an object", []string{"-zones", write(t, "z", `{"zones":[{"name":"x.nl","records":[1]}]}`)}},
		{"unknown reading", "k", "must be one of kept, reset", []string{"-soa", "perhaps"}},
		{"argument", "k", `unexpected argument "x"`, []string{"x"}},
		{"invalid address", "k", "listening for HTTP", []string{"-listen", "nowhere"}},
		{"certificate missing", "k", "reading the certificate", []string{"-tls-cert", "/nonexistent"}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), c.args, environment(c.key), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v", err)
			}
		})
	}
}
