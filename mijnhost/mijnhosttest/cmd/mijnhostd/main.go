// Command mijnhostd runs the simulated mijn.host DNS API as a process: the API over HTTP, and DNS for its zones. The
// demo uses it.
//
// Once ready, it prints one line of JSON to standard output. It prints one line to standard error for each record that
// is added or removed. It ends on SIGTERM or SIGINT.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func main() {
	os.Exit(exitCode())
}

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	_, _ = fmt.Fprintln(os.Stderr, "mijnhostd:", err)
	return 1
}

// ready is printed once the server accepts connections.
type ready struct {
	URL  string `json:"url"`
	HTTP string `json:"http"`
	DNS  string `json:"dns"`
	PID  int    `json:"pid"`
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	c, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	keys, err := c.readKeys(getenv)
	if err != nil {
		return err
	}
	zones, err := readZones(c.zonesFile)
	if err != nil {
		return err
	}
	if c.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
		if err != nil {
			return fmt.Errorf("reading the certificate: %w", err)
		}
		c.options.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	c.options.Observe = func(change mijnhosttest.Change) {
		_, _ = fmt.Fprintln(stderr, changeLine(change))
	}
	c.options.RequestLogLimit = 1 // nothing reads the log of a process

	server := mijnhosttest.New(c.options)
	defer server.Close()
	if err := zones.apply(server, keys); err != nil {
		return err
	}
	if err := server.Listen(c.listen, c.listenDNS); err != nil {
		return err
	}
	line := ready{URL: server.URL(), HTTP: server.HTTPAddr(), DNS: server.DNSAddr(), PID: os.Getpid()}
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		return fmt.Errorf("printing the addresses: %w", err)
	}
	<-ctx.Done()
	if n := server.PUTs(); n > 0 {
		_, _ = fmt.Fprintf(stderr, "received %d PUT requests: a client wrote whole zones\n", n)
	}
	return nil
}

// changeLine describes a change for humans.
func changeLine(c mijnhosttest.Change) string {
	verb := "removed"
	if c.Added {
		verb = "added  "
	}
	return fmt.Sprintf("%s  %s  %s  %s  %d  %q  (zone %s)", c.Time.Format("15:04:05.000"), verb,
		c.Record.Type, c.Record.Name, c.Record.TTL, c.Record.Value, c.Domain)
}

// config holds the flags.
type config struct {
	listen, listenDNS string
	zonesFile         string
	keyFiles          keyFiles
	tlsCert, tlsKey   string
	options           mijnhosttest.Options
}

func parseFlags(args []string, stderr io.Writer) (*config, error) {
	c := &config{keyFiles: keyFiles{}}
	f := flag.NewFlagSet("mijnhostd", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&c.listen, "listen", "127.0.0.1:0", "address of the API")
	f.StringVar(&c.listenDNS, "listen-dns", "127.0.0.1:0", "address of DNS, UDP and TCP; empty for no DNS")
	f.StringVar(&c.zonesFile, "zones", "", "JSON file of the zones")
	f.Var(c.keyFiles, "key-file", "`[account=]file` of an API key; the account default can be given by $"+keyVariable+" instead")
	f.StringVar(&c.tlsCert, "tls-cert", "", "PEM file of a certificate, to serve the API over TLS")
	f.StringVar(&c.tlsKey, "tls-key", "", "PEM file of the certificate's key")
	mijnhosttest.Flags(f, &c.options)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return c, nil
}

// keyVariable is the environment variable with the key of the default account.
const keyVariable = "MIJNHOST_API_KEY"

const defaultAccount = "default"

// keyFiles maps accounts to the files of their keys.
type keyFiles map[string]string

// String implements flag.Value.
func (k keyFiles) String() string { return "" }

// Set adds one [account=]file.
func (k keyFiles) Set(value string) error {
	account, file, found := strings.Cut(value, "=")
	if !found {
		account, file = defaultAccount, value
	}
	k[account] = file
	return nil
}

// readKeys returns the keys by account. No error contains a key.
func (c *config) readKeys(getenv func(string) string) (map[string]string, error) {
	keys := map[string]string{}
	if key := strings.TrimSpace(getenv(keyVariable)); key != "" {
		keys[defaultAccount] = key
	}
	for account, file := range c.keyFiles {
		content, err := os.ReadFile(file) //nolint:gosec // the caller chooses the file
		if err != nil {
			// Without the path, which might be a key given by mistake.
			if wrong, ok := errors.AsType[*fs.PathError](err); ok {
				err = wrong.Err
			}
			return nil, fmt.Errorf("reading the key of account %q: %w", account, err)
		}
		key := strings.TrimSpace(string(content))
		if key == "" {
			return nil, fmt.Errorf("the key file of account %q is empty", account)
		}
		keys[account] = key
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("an API key is required: -key-file or $%s", keyVariable)
	}
	return keys, nil
}
