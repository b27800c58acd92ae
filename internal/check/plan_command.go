package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
)

// Report is the result of a check of an Issuer or a Certificate, as --output json prints it.
type Report struct {
	Outcome Outcome `json:"outcome"`
	// Steps apply to all names.
	Steps []Step `json:"steps"`
	// Names has one result for each DNS name.
	Names []*Result `json:"names"`
}

func (f *checkFlags) plans() bool {
	return f.ask.Issuer != "" || f.ask.ClusterIssuer != "" || f.ask.Certificate != ""
}

// validatePlan rejects flags that conflict with an Issuer or a Certificate.
func (f *checkFlags) validatePlan() error {
	if !f.plans() {
		return nil
	}
	given := slices.DeleteFunc([]string{f.ask.Issuer, f.ask.ClusterIssuer, f.ask.Certificate}, func(s string) bool { return s == "" })
	switch {
	case len(given) > 1:
		return errors.New("--issuer, --cluster-issuer and --certificate are mutually exclusive")
	case f.keyFile != "" || f.secret != "" || f.provider != "":
		return errors.New("--api-key-file, --secret and --provider come from the Issuer or Certificate and must not be set")
	case f.removeValue != "" && f.domain == "":
		return errors.New("--remove-value requires --domain")
	case !isName(f.ask.Issuer, true) || !isName(f.ask.Certificate, true) || !isName(f.ask.ClusterIssuer, false) || !isName(f.ask.ResourceNamespace, false):
		return errors.New("--issuer must be [NAMESPACE/]NAME, --certificate NAMESPACE/NAME, --cluster-issuer NAME")
	case f.ask.Certificate != "" && !strings.Contains(f.ask.Certificate, "/"):
		return errors.New("--certificate must be NAMESPACE/NAME")
	case f.domain != "":
		if _, _, err := parseName(f.domain); err != nil {
			return err
		}
	}
	return nil
}

// isName reports whether text is empty or a valid object name, with a namespace if namespaced.
func isName(text string, namespaced bool) bool {
	parts := strings.Split(text, "/")
	tooMany := len(parts) > 2 || !namespaced && len(parts) > 1
	return text == "" || !tooMany && !slices.ContainsFunc(parts, func(p string) bool { return len(validation.IsDNS1123Subdomain(p)) > 0 })
}

// runPlan checks each name of an Issuer or a Certificate with the solver that cert-manager uses for it.
func (f *checkFlags) runPlan(ctx context.Context, cmd *cobra.Command, given CommandOptions) (int, error) {
	cluster, err := keysource.Cluster(f.kubeconf)
	if err != nil {
		return 0, errors.New("no cluster configured: set KUBECONFIG or --kubeconfig")
	}
	ask := f.ask
	ask.Domain = f.domain
	if ask.Issuer != "" && !strings.Contains(ask.Issuer, "/") {
		ask.Issuer = keysource.Namespace(f.kubeconf) + "/" + ask.Issuer
	}
	plan := given.Planner.Plan(ctx, cluster, ask)
	report := Report{Steps: plan.Steps, Outcome: outcome(plan.Steps), Names: []*Result{}}
	text := f.text(cmd)
	for _, s := range plan.Steps {
		text.Step(s)
	}
	probed := map[string]bool{}
	calls := int64(0)
	for _, t := range plan.Targets {
		text.Heading(t.Name)
		result, err := f.runTarget(ctx, cmd, given, t, Options{OnStep: text.Step, Probed: func(domain string) bool { return probed[domain] }})
		if err != nil {
			return 0, err
		}
		probed[result.Domain] = true
		calls += result.APICalls
		report.Names = append(report.Names, result)
		report.Outcome = worse(report.Outcome, result.Outcome)
		text.Conclusion(result)
	}
	if len(plan.Targets) == 0 {
		text.Conclusion(&Result{Steps: plan.Steps, Outcome: report.Outcome})
	}
	text.Origin(given.Version, given.Commit, calls)
	return f.finish(cmd.OutOrStdout(), text, report, report.Outcome)
}

// runTarget checks one name with the key and the settings of its solver.
func (f *checkFlags) runTarget(ctx context.Context, cmd *cobra.Command, given CommandOptions, t Target, o Options) (*Result, error) {
	o.Name, o.Before, o.CNAMEStrategy = t.Name, t.Steps, t.CNAMEStrategy
	if t.Provider == "" {
		return f.report(ctx, cmd, given, o)
	}
	one := *f
	one.provider, one.secret, one.secretKey = t.Provider, t.Namespace+"/"+t.Secret, t.Entry
	values := maps.Clone(t.Flags)
	for setting, flag := range given.Settings {
		if value, ok := t.Environment["--"+flag]; ok { // an argument overrides a variable, as in the webhook
			values[flag] = value
		} else if value, ok := t.Environment[setting]; ok {
			values[flag] = value
		}
	}
	for name, value := range values {
		undo, err := setDefault(cmd, name, value)
		if err != nil {
			return nil, fmt.Errorf("--%s of the webhook or of the solver's config: %w", name, err)
		}
		defer undo() //nolint:gocritic // after the check of this name, not of this flag
	}
	one.ttl, one.allowedDomains = f.ttl, f.allowedDomains
	return one.run(ctx, cmd, given, o)
}

// setDefault sets a flag for one name, unless the user set it. undo restores the previous value.
func setDefault(cmd *cobra.Command, name, value string) (undo func(), err error) {
	flag := cmd.Flags().Lookup(name)
	if flag == nil || flag.Changed {
		return func() {}, nil
	}
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		before := list.GetSlice()
		return func() { _ = list.Replace(before) }, list.Replace(SplitList(value))
	}
	before := flag.Value.String()
	return func() { _ = flag.Value.Set(before) }, flag.Value.Set(value)
}

// worse returns the worse of two outcomes: a problem, then unknown.
func worse(a, b Outcome) Outcome {
	for _, o := range []Outcome{Trouble, Unclear} {
		if a == o || b == o {
			return o
		}
	}
	return Well
}
