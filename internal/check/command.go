package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/progress"
)

const exitUsage = 2

// CommandOptions are what the program gives the command.
type CommandOptions struct {
	// Version and Commit are those of the program.
	Version, Commit string
	// AllowedDomains are the default of the flag, and ValidateDomains says what is wrong with its value.
	AllowedDomains  []string
	ValidateDomains func([]string) error
	// Hosts are those of which one can be checked. The first is the usual one.
	Hosts []Host
	// Planner reads Issuers; Settings are the flags that have a variable or an argument of the webhook as default.
	Planner  Planner
	Settings map[string]string
	// Getenv reads the environment.
	Getenv func(string) string
	// Exit ends the process.
	Exit func(code int)
}

// checkFlags are what the flags of the check say.
type checkFlags struct {
	provider                             string
	domain, ca                           string
	keyFile, secret, secretKey, kubeconf string
	resolver                             string
	nameserverPort                       uint16
	ttl                                  int
	timeout                              time.Duration
	readOnly, write                      bool
	allowedDomains                       []string
	removeValue                          string
	ask                                  Ask
	output                               string
}

const (
	outputText = "text"
	outputJSON = "json"
)

// NewCommand is `webhook check`. It ends the process itself, by Exit, for its exit codes tell more than that
// of a server: 0 well, 1 a problem, 2 could not tell.
func NewCommand(o CommandOptions) *cobra.Command {
	var f checkFlags
	var names, providers, variables, risks []string
	for _, h := range o.Hosts {
		names, providers, variables = append(names, h.Name()), append(providers, h.Provider()), append(variables, h.Key().Variable)
		if h.Risk() != "" {
			risks = append(risks, h.Name())
		}
	}
	cmd := &cobra.Command{
		Use:   "check {--domain DOMAIN | --issuer [NAMESPACE/]NAME | --cluster-issuer NAME | --certificate NAMESPACE/NAME}",
		Short: "Check whether certificates for a domain can be had through " + strings.Join(names, " or "),
		Long: "Check the API key, the domain, its delegation and its CAA records. Then write a probe record under a random name of its own, " +
			"see when the API and each nameserver show it, measure what the API does with it, and remove it." + withRisk(risks) + "\n\n" +
			"The API key comes from --api-key-file, from --secret, or from the environment variable " + strings.Join(variables, " or ") + ".\n\n" +
			"Exit codes: 0 all is well, 1 a problem was found, 2 inconclusive.",
		Example: "  webhook check --domain example.nl --api-key-file key.txt\n" +
			"  webhook check --domain '*.example.nl' --secret cert-manager/mijn-host-api-key --read-only\n" +
			"  webhook check --certificate default/example-nl",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			code, err := f.start(cmd.Context(), cmd, args, o)
			if err != nil {
				return usage(cmd, err, o.Exit)
			}
			o.Exit(code)
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err, o.Exit) })
	flags := cmd.Flags()
	flags.StringVar(&f.domain, "domain", "", "Domain name that certificates are wanted for, such as example.nl or '*.example.nl'")
	flags.StringVar(&f.ask.Issuer, "issuer", "", "[NAMESPACE/]NAME of an Issuer to check (namespace of the kubeconfig's context if omitted)")
	flags.StringVar(&f.ask.ClusterIssuer, "cluster-issuer", "", "NAME of a ClusterIssuer to check")
	flags.StringVar(&f.ask.Certificate, "certificate", "", "NAMESPACE/NAME of a Certificate to check, with all its DNS names")
	flags.StringVar(&f.ask.ResourceNamespace, "cluster-resource-namespace", "cert-manager", "cert-manager's cluster resource namespace, which has the Secrets of ClusterIssuers")
	flags.StringVar(&f.keyFile, "api-key-file", "", "File with the API key")
	flags.StringVar(&f.secret, "secret", "", "NAMESPACE/NAME of the Secret with the API key")
	flags.StringVar(&f.secretKey, "secret-key", "api-key", "Key within the Secret")
	flags.StringVar(&f.kubeconf, "kubeconfig", "", "File that tells how to reach the cluster of the Secret (the usual ones if empty, or the pod's own account)")
	flags.StringVar(&f.removeValue, "remove-value", "", "TXT value under the challenge's name to remove, exactly as the report lists it, and nothing else (then no probe record is written)")
	flags.StringSliceVar(&f.allowedDomains, "allowed-domains", o.AllowedDomains, "Domains within which the webhook answers challenges at all (all if empty)")
	flags.BoolVar(&f.readOnly, "read-only", false, "Write no probe record")
	if len(risks) > 0 {
		flags.BoolVar(&f.write, "write", false, "Write a probe record at "+strings.Join(risks, " or ")+", too, where that replaces the whole zone")
	}
	flags.StringVarP(&f.output, "output", "o", outputText, "How to print the report: text or json")
	flags.StringVar(&f.ca, "ca", "letsencrypt.org", "Name of the CA in CAA records")
	flags.IntVar(&f.ttl, "ttl", 60, "TTL of the probe record in seconds")
	flags.DurationVar(&f.timeout, "timeout", 3*time.Minute, "Time for the check; removing the probe record can take up to 90 s more")
	flags.StringVar(&f.resolver, "resolver", "", "HOST:PORT of the DNS resolver (the system's if empty)")
	for _, h := range o.Hosts {
		h.AddFlags(flags)
	}
	if len(o.Hosts) > 1 {
		flags.StringVar(&f.provider, "provider", "", fmt.Sprintf(
			"DNS host of the domain, by the name of its solver: %s (if empty, the one whose API key is in the environment, or %s)",
			strings.Join(providers, " or "), providers[0]))
	}
	flags.Uint16Var(&f.nameserverPort, "nameserver-port", 0, "Port of nameservers, for tests (53 if 0)")
	cobra.CheckErr(flags.MarkHidden("nameserver-port"))
	return cmd
}

func withRisk(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	return " At " + strings.Join(hosts, " and at ") + " nothing is written unless --write or --remove-value is given."
}

// usage tells what is wrong with the command line.
func usage(cmd *cobra.Command, err error, exit func(int)) error {
	cmd.PrintErrf("Error: %v\nSee `%s --help`.\n", err, cmd.CommandPath())
	exit(exitUsage)
	return err
}

// start checks, and returns the exit code. An error is one of usage.
func (f *checkFlags) start(ctx context.Context, cmd *cobra.Command, args []string, given CommandOptions) (int, error) {
	if err := f.validate(args); err != nil {
		return 0, err
	}
	if f.plans() {
		return f.runPlan(ctx, cmd, given)
	}
	result, err := f.run(ctx, cmd, given, Options{Name: f.domain})
	if err != nil {
		return 0, err
	}
	return f.finish(cmd.OutOrStdout(), result)
}

// finish writes what follows the steps, and returns the exit code.
func (f *checkFlags) finish(out io.Writer, result *Result) (int, error) {
	if err := f.writeRest(out, result); err != nil {
		return exitUsage, nil //nolint:nilerr // no one reads the report, so no one would read the error
	}
	return result.Outcome.ExitCode(), nil
}

// run checks one name. What is known of its solver is in o.
func (f *checkFlags) run(ctx context.Context, cmd *cobra.Command, given CommandOptions, o Options) (*Result, error) {
	host, err := f.host(given.Hosts, given.Getenv)
	if err != nil {
		return nil, err
	}
	key, err := f.keySource(host.Key(), given.Getenv)
	if err != nil {
		return nil, err
	}
	if given.ValidateDomains != nil {
		if err = given.ValidateDomains(f.allowedDomains); err != nil {
			return nil, fmt.Errorf("--allowed-domains: %w", err)
		}
	}
	network, err := NewNetwork(f.resolver, f.nameserverPort)
	if err != nil {
		return nil, err
	}
	o.Key, o.Host, o.DNS = key, host, network
	return f.report(ctx, cmd, given, o)
}

// report runs a check and shows its steps as they end.
func (f *checkFlags) report(ctx context.Context, cmd *cobra.Command, given CommandOptions, o Options) (*Result, error) {
	ctx, stop := untilHangUp(ctx)
	defer stop()
	line := progress.NewLine(cmd.ErrOrStderr())
	defer context.AfterFunc(ctx, func() {
		line.Say("Interrupted. Removing the probe record, if one was written. A second Ctrl-C would leave it in the zone.")
	})()
	o.CA, o.TTL, o.ReadOnly, o.Write, o.Timeout = strings.ToLower(f.ca), f.ttl, f.readOnly, f.write, f.timeout
	o.Version, o.Commit, o.AllowedDomains, o.RemoveValue = given.Version, given.Commit, f.allowedDomains, f.removeValue
	o.Cluster = func() (*rest.Config, error) { return keysource.Cluster(f.kubeconf) }
	o.OnProgress, o.OnAside = line.Show, line.Say
	if given.Planner != nil {
		o.Challenges = func(ctx context.Context) (map[string]string, error) {
			config, err := o.Cluster()
			if err != nil {
				return nil, err
			}
			return given.Planner.Challenges(ctx, config)
		}
	}
	if f.output == outputText {
		o.OnStep = func(s Step) {
			line.Clear()
			_ = WriteStep(cmd.OutOrStdout(), s) // the end of the report fails as well
		}
	}
	result, err := Run(ctx, o)
	line.Clear()
	return result, err
}

func (f *checkFlags) writeRest(out io.Writer, result *Result) error {
	if f.output == outputText {
		return WriteRest(out, result)
	}
	return writeJSON(out, result)
}

func (f *checkFlags) validate(args []string) error {
	switch {
	case len(args) > 0:
		return fmt.Errorf("%q is not a flag: the domain is named with --domain", args[0])
	case f.domain == "" && !f.plans():
		return errors.New("--domain, --issuer, --cluster-issuer or --certificate is required")
	case f.output != outputText && f.output != outputJSON:
		return errors.New("--output must be text or json")
	case f.ttl < 1:
		return errors.New("--ttl must be at least 1")
	case f.readOnly && f.write:
		return errors.New("--read-only and --write cannot go together")
	case f.removeValue != "" && (f.readOnly || f.write):
		return errors.New("--remove-value cannot go together with --read-only or --write")
	case f.timeout <= 0:
		return errors.New("--timeout must be more than 0")
	}
	return f.validatePlan()
}

// host is the one that is to be checked: the one that was named, or the first whose key the environment has, or the first.
func (f *checkFlags) host(hosts []Host, getenv func(string) string) (Host, error) {
	var providers []string
	chosen := hosts[0]
	if f.keyFile == "" && f.secret == "" {
		if i := slices.IndexFunc(hosts, func(h Host) bool { return getenv(h.Key().Variable) != "" }); i >= 0 {
			chosen = hosts[i]
		}
	}
	for _, h := range hosts {
		if f.provider == h.Provider() {
			chosen = h
		}
		providers = append(providers, h.Provider())
	}
	if f.provider != "" && f.provider != chosen.Provider() {
		return nil, fmt.Errorf("--provider must be %s", strings.Join(providers, " or "))
	}
	return chosen, chosen.Validate()
}

// keySource is where the API key is to be read from. What is named on the command line goes before the environment.
func (f *checkFlags) keySource(want Key, getenv func(string) string) (keysource.Source, error) {
	if f.keyFile != "" && f.secret != "" {
		return nil, errors.New("--api-key-file and --secret cannot go together")
	}
	if f.keyFile != "" {
		return keysource.File{Path: f.keyFile, From: want.From}, nil
	}
	if f.secret != "" {
		namespace, name, _ := strings.Cut(f.secret, "/")
		if namespace == "" || name == "" || strings.Contains(name, "/") {
			return nil, errors.New("--secret must be NAMESPACE/NAME")
		}
		return keysource.Secret{
			Namespace: namespace, Name: name, Entry: f.secretKey, Kubeconfig: f.kubeconf, From: want.From, Variable: want.Variable,
		}, nil
	}
	if value := getenv(want.Variable); value != "" {
		return keysource.Environment{Variable: want.Variable, Value: value, From: want.From}, nil
	}
	return nil, fmt.Errorf("there is no API key: give --api-key-file or --secret, or set %s", want.Variable)
}

// SplitList is a list as an environment variable holds it: names with commas in between. An empty name stays, to be refused.
func SplitList(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	all := strings.Split(text, ",")
	for i, one := range all {
		all[i] = strings.TrimSpace(one)
	}
	return all
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
