package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/apikey"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/progress"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
)

const (
	keyEnvironment = "MIJNHOST_API_KEY"
	exitUsage      = 2
)

// checkFlags are what the flags of the check say.
type checkFlags struct {
	domain, ca                           string
	keyFile, secret, secretKey, kubeconf string
	baseURL, resolver                    string
	nameserverPort                       uint16
	ttl                                  int
	timeout                              time.Duration
	readOnly                             bool
	output                               string
}

const (
	outputText = "text"
	outputJSON = "json"
)

// newCheckCommand is `webhook check`. It ends the process itself, by exit, for its exit codes tell more than that
// of a server: 0 well, 1 a problem, 2 could not tell.
func newCheckCommand(getenv func(string) string, exit func(code int)) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check --domain DOMAIN",
		Short: "Check whether certificates for a domain can be had through mijn.host",
		Long: "Check the API key, the domain, its delegation and its CAA records. Then write a probe record under a random name of its own, " +
			"see when the API and each nameserver show it, measure what the API does with it, and remove it.\n\n" +
			"The API key comes from --api-key-file, from --secret, or from the environment variable " + keyEnvironment + ".\n\n" +
			"Exit codes: 0 all is well, 1 a problem was found, 2 it could not be told.",
		Example: "  webhook check --domain example.nl --api-key-file key.txt\n" +
			"  webhook check --domain '*.example.nl' --secret cert-manager/mijn-host-api-key --read-only",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			code, err := f.run(cmd.Context(), cmd, args, getenv)
			if err != nil {
				return usage(cmd, err, exit)
			}
			exit(code)
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err, exit) })
	flags := cmd.Flags()
	flags.StringVar(&f.domain, "domain", "", "Domain name that certificates are wanted for, such as example.nl or '*.example.nl'")
	flags.StringVar(&f.keyFile, "api-key-file", "", "File with the API key")
	flags.StringVar(&f.secret, "secret", "", "NAMESPACE/NAME of the Secret with the API key")
	flags.StringVar(&f.secretKey, "secret-key", "api-key", "Key within the Secret")
	flags.StringVar(&f.kubeconf, "kubeconfig", "", "File that tells how to reach the cluster of the Secret (the usual ones if empty, or the pod's own account)")
	flags.BoolVar(&f.readOnly, "read-only", false, "Write no probe record")
	flags.StringVarP(&f.output, "output", "o", outputText, "How to print the report: text or json")
	flags.StringVar(&f.ca, "ca", "letsencrypt.org", "Name of the CA in CAA records")
	flags.IntVar(&f.ttl, "ttl", 60, "TTL of the probe record in seconds")
	flags.DurationVar(&f.timeout, "timeout", 3*time.Minute, "Time for the check; removing the probe record can take up to 90 s more")
	flags.StringVar(&f.resolver, "resolver", "", "HOST:PORT of the DNS resolver (the system's if empty)")
	flags.StringVar(&f.baseURL, "mijnhost-base-url", mijnhost.DefaultBaseURL, "Address of the mijn.host API")
	flags.Uint16Var(&f.nameserverPort, "nameserver-port", 0, "Port of nameservers, for tests (53 if 0)")
	cobra.CheckErr(flags.MarkHidden("nameserver-port"))
	return cmd
}

// usage tells what is wrong with the command line.
func usage(cmd *cobra.Command, err error, exit func(int)) error {
	cmd.PrintErrf("Error: %v\nSee `%s --help`.\n", err, cmd.CommandPath())
	exit(exitUsage)
	return err
}

// run checks, and returns the exit code. An error is one of usage.
func (f checkFlags) run(ctx context.Context, cmd *cobra.Command, args []string, getenv func(string) string) (int, error) {
	if err := f.validate(args); err != nil {
		return 0, err
	}
	key, err := f.keySource(getenv)
	if err != nil {
		return 0, err
	}
	network, err := check.NewNetwork(f.resolver, f.nameserverPort)
	if err != nil {
		return 0, err
	}
	ctx, stop := untilHangUp(ctx)
	defer stop()

	line := progress.NewLine(cmd.ErrOrStderr())
	defer context.AfterFunc(ctx, func() {
		line.Say("Interrupted. A probe record that was written is being removed, which takes some seconds. A second Ctrl-C would leave it in the zone.")
	})()
	o := check.Options{
		Name: f.domain, Key: key, CA: strings.ToLower(f.ca), TTL: f.ttl, ReadOnly: f.readOnly, Timeout: f.timeout, Version: version,
		Host:       mijnhostcheck.Host{API: mijnhost.Options{BaseURL: f.baseURL, UserAgent: userAgent()}},
		DNS:        network,
		OnProgress: line.Show,
	}
	out := cmd.OutOrStdout()
	var written error
	if f.output == outputText {
		o.OnStep = func(s check.Step) {
			line.Clear()
			written = errors.Join(written, check.WriteStep(out, s))
		}
	}
	result, err := check.Run(ctx, o)
	line.Clear()
	if err != nil {
		return 0, err
	}
	written = errors.Join(written, f.writeRest(out, result))
	if written != nil {
		return exitUsage, nil // nobody reads the report, so nobody would read why
	}
	return result.Outcome.ExitCode(), nil
}

func (f checkFlags) writeRest(out io.Writer, result *check.Result) error {
	if f.output == outputText {
		return check.WriteRest(out, result)
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(result)
}

func (f checkFlags) validate(args []string) error {
	switch {
	case len(args) > 0:
		return fmt.Errorf("%q is not a flag: the domain is named with --domain", args[0])
	case f.domain == "":
		return errors.New("--domain is missing")
	case f.output != outputText && f.output != outputJSON:
		return errors.New("--output must be text or json")
	case f.ttl < 1:
		return errors.New("--ttl must be at least 1")
	case f.timeout <= 0:
		return errors.New("--timeout must be more than 0")
	}
	return validateBaseURL(f.baseURL)
}

// keySource is where the API key is to be read from. What is named on the command line goes before the environment.
func (f checkFlags) keySource(getenv func(string) string) (check.KeySource, error) {
	if f.keyFile != "" && f.secret != "" {
		return nil, errors.New("--api-key-file and --secret cannot go together")
	}
	if f.keyFile != "" {
		return apikey.File(f.keyFile), nil
	}
	if f.secret != "" {
		namespace, name, _ := strings.Cut(f.secret, "/")
		if namespace == "" || name == "" || strings.Contains(name, "/") {
			return nil, errors.New("--secret must be NAMESPACE/NAME")
		}
		return apikey.Secret{Namespace: namespace, Name: name, Entry: f.secretKey, Kubeconfig: f.kubeconf}, nil
	}
	if value := getenv(keyEnvironment); value != "" {
		return apikey.Environment{Variable: keyEnvironment, Value: value}, nil
	}
	return nil, fmt.Errorf("there is no API key: give --api-key-file or --secret, or set %s", keyEnvironment)
}

// untilHangUp is done when ctx is or the terminal is closed. A closed pipe at the output must not end the process
// either before the probe record is removed.
func untilHangUp(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	if signal.Ignored(syscall.SIGHUP) { // nohup
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}
