package docs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

func TestCommandsParse(t *testing.T) {
	t.Parallel()
	block := func(command string) string { return fence + "sh\n" + command + "\n" + fence }
	valid := block(`helm install mijn-host-webhook `+chartOCI+` --version 0.1.0 \
  --namespace cert-manager --set 'secrets.namespaces.team-a={key}'  # in one line
kubectl create secret generic x -n cert-manager --from-file=api-key=/dev/stdin
kubectl get challenges,orders --all-namespaces | grep pending
kubectl -n cert-manager exec deploy/mijn-host-webhook -- /webhook check --domain example.nl
webhook check --domain '*.example.nl' --output json >report.json
make test
dig +short TXT _acme-challenge.example.nl`) + "\n\n`kubectl describe challenge` and `make demo KEEP=1`\n\n" +
		fence + "console\n$ make lint\nsome output\n" + fence
	tryAll(t, faultsOfCommands, valid, []mistake{
		{block("helm install x " + chartOCI + " --set secrets.nams={a}"), "nams"},
		{block("helm install x " + chartOCI + " --sett a=b"), "--sett"},
		{block("helm install x " + chartOCI + " --version 9.9.9"), "9.9.9"},
		{block("helm install x oci://ghcr.io/mijn-host-webhook/charts/other"), "charts/other"},
		{block("helm intsall x y"), "intsall"},
		{block("kubectl get pods --al-namespaces"), "--al-namespaces"},
		{block("kubectl descripe challenge"), "descripe"},
		{block("kubectl describe chalenge"), "chalenge"},
		{block("kubectl apply -f missing.yaml"), "missing.yaml"},
		{block("kubectl create secret generic x --from-literal=y"), "from-literal"},
		{block("kubectl exec deploy/x -- /webhook check --domian y"), "--domian"},
		{block("kubectl get pods | webhook check --domian x"), "--domian"},
		{block("make demmo"), "demmo"},
		{block("make demo KEPT=1"), "KEPT"},
		{block("make image IMAG=registry/webhook:dev"), "IMAG"},
		{block("webhook --mijnhost-base-ulr=x"), "--mijnhost-base-ulr"},
		{block("echo 'unclosed"), "quote"},
		{block("frobnicate now"), "frobnicate"},
		{block("go test ./no/such/package"), "no/such/package"},
		{fence + "console\n$ make nothing-of-this-kind\n" + fence, "nothing-of-this-kind"},
		{fence + "bash\nmake test\n" + fence, "bash"},
		{"`make nothing-of-this-kind`", "nothing-of-this-kind"},
		{"`kubectl describe chalenge`", "chalenge"},
	})
}

// faultsOfCommands checks the commands in shell blocks, in console blocks, and in code spans that start with a known program.
func faultsOfCommands(t *testing.T, d *Document) []string {
	t.Helper()
	var faults []string
	try := func(at Passage, script string) {
		for _, fault := range tryScript(t, d, script) {
			faults = append(faults, fmt.Sprintf("%d: %s", at.Line, fault))
		}
	}
	for _, block := range d.Blocks {
		switch block.Language {
		case "sh":
			try(block.Passage, block.Text)
		case "console":
			try(block.Passage, typed(block.Text))
		case "diff", "go", "json", "markdown", "mermaid", "text", "yaml": // checked elsewhere, or not at all
		default:
			faults = append(faults, fmt.Sprintf("%d: no test checks blocks of language %q", block.Line, block.Language))
		}
	}
	for _, span := range d.Spans {
		if regexp.MustCompile(`^(helm|kubectl|make|webhook) [a-z-]`).MatchString(span.Text) {
			try(span.Passage, span.Text)
		}
	}
	return faults
}

// typed returns the commands in a console block: the text after each prompt, or everything if there is no prompt.
func typed(console string) string {
	var script strings.Builder
	prompted, more := false, false
	for line := range strings.Lines(console) {
		command, prompt := strings.CutPrefix(line, "$ ")
		prompted = prompted || prompt
		if prompt || more {
			script.WriteString(command)
			more = strings.HasSuffix(strings.TrimSpace(command), `\`)
		}
	}
	if !prompted {
		return console
	}
	return script.String()
}

func tryScript(t *testing.T, d *Document, script string) []string {
	t.Helper()
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	syntax.Walk(file, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			if err := tryCommand(t, d, words(call.Args)); err != nil {
				faults = append(faults, err.Error())
			}
		}
		return true
	})
	return faults
}

// words returns the words of a command without quotes. It does not expand variables.
func words(args []*syntax.Word) []string {
	all := make([]string, 0, len(args))
	for _, arg := range args {
		var b bytes.Buffer
		for _, part := range arg.Parts {
			switch part := part.(type) {
			case *syntax.SglQuoted:
				b.WriteString(part.Value)
			case *syntax.DblQuoted:
				for _, inner := range part.Parts {
					_ = syntax.NewPrinter().Print(&b, inner)
				}
			default:
				_ = syntax.NewPrinter().Print(&b, part)
			}
		}
		all = append(all, b.String())
	}
	return all
}

func tryCommand(t *testing.T, d *Document, command []string) error {
	t.Helper()
	program, args := filepath.Base(command[0]), command[1:]
	switch program {
	case "helm":
		return tryHelm(t, args)
	case "kubectl":
		return tryKubectl(t, d, args)
	case "webhook":
		return parses(t, "webhook", args)
	case "make":
		return tryMake(t, args)
	case "go":
		return tryGo(t, args)
	case "cat", "cd", "cmctl", "cosign", "date", "dig", "docker", "echo", "export", "gh", "git", "grep", "jq", "openssl", "base64", "sha256sum", "tar":
		return nil
	default:
		return fmt.Errorf("tryCommand does not know %s", program)
	}
}

// parses has a program parse a command line without running it: programs report invalid flags before --help.
func parses(t *testing.T, program string, args []string) error {
	t.Helper()
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	_, stderr, err := run(t, "", program, append(slices.Clone(args), "--help")...)
	if err != nil {
		return fmt.Errorf("%s %s: %s", program, strings.Join(args, " "), stderr)
	}
	return nil
}

// tryHelm renders the chart of this repository instead of the one in the registry.
func tryHelm(t *testing.T, args []string) error {
	t.Helper()
	if err := parses(t, "helm", args); err != nil {
		return err
	}
	verb := args[0]
	if verb != "install" && verb != "upgrade" && verb != "template" && verb != "show" && verb != "pull" {
		return nil
	}
	ours := false
	var values []string
	for i, arg := range args {
		switch {
		case arg == chartOCI || strings.TrimPrefix(arg, "./") == chartDir:
			ours = true
		case strings.HasPrefix(arg, "oci://"):
			if arg != "oci://quay.io/jetstack/charts/cert-manager" {
				return fmt.Errorf("unknown chart %s", arg)
			}
		case (arg == "--set" || arg == "--set-string") && i+1 < len(args):
			values = append(values, arg, args[i+1])
		case arg == "--version" && i+1 < len(args) && ours:
			if version := chartVersion(t); args[i+1] != version {
				return fmt.Errorf("the chart's version is %s, not %s", version, args[i+1])
			}
		}
	}
	if !ours {
		return nil
	}
	return render(t, values...)
}

func chartVersion(t *testing.T) string {
	t.Helper()
	match := regexp.MustCompile(`(?m)^version: (.*)$`).FindStringSubmatch(read(t, chartDir+"/Chart.yaml"))
	if match == nil {
		t.Fatal("the chart has no version")
	}
	return match[1]
}

// tryKubectl has kubectl parse its flags, and checks kinds and files. It runs commands that can create an object without a
// cluster.
func tryKubectl(t *testing.T, d *Document, args []string) error {
	t.Helper()
	if err := parses(t, "kubectl", args); err != nil {
		return err
	}
	rest, flags, inside := kubectlWords(args)
	switch {
	case len(rest) == 0:
		return nil
	case rest[0] == "exec" && len(inside) > 0:
		return tryCommand(t, d, inside)
	case rest[0] == "apply" || rest[0] == "create" && flags["filename"] != "":
		file := flags["filename"]
		if file != "-" && !exists(file) && !strings.Contains(d.Source, "`"+file+"`") {
			return fmt.Errorf("kubectl %s: the page does not mention the file %s", rest[0], file)
		}
		return nil
	case rest[0] == "create":
		made, stderr, err := run(t, "key", "kubectl", append(slices.Clone(args), "--dry-run=client", "--output=yaml")...)
		if err != nil {
			return fmt.Errorf("kubectl %s: %s", strings.Join(args, " "), stderr)
		}
		_, _, err = codecs(t).UniversalDeserializer().Decode([]byte(made), nil, nil)
		return err
	case len(rest) > 1 && slices.Contains([]string{"get", "describe", "delete", "wait", "patch", "annotate", "label", "edit"}, rest[0]):
		kinds, _, _ := strings.Cut(rest[1], "/")
		for kind := range strings.SplitSeq(kinds, ",") {
			if !slices.Contains(knownKinds(), strings.TrimSuffix(kind, "s")) {
				return fmt.Errorf("kubectl %s: unknown kind %s", rest[0], kind)
			}
		}
	}
	return nil
}

func knownKinds() []string {
	return []string{
		"apiservice", "certificate", "certificaterequest", "challenge", "clusterissuer", "configmap", "deploy", "deployment", "event",
		"ingres", "issuer", "lease", "namespace", "order", "pod", "poddisruptionbudget", "secret", "service",
	}
}

// kubectlWords separates arguments, flags with their values, and the command to run inside a pod.
func kubectlWords(args []string) (rest []string, flags map[string]string, inside []string) {
	long := map[string]string{"-n": "namespace", "-f": "filename", "-l": "selector", "-o": "output", "-c": "container", "-p": "patch"}
	withValue := []string{"namespace", "filename", "selector", "output", "container", "patch", "for", "timeout", "tail", "since", "field-selector", "type"}
	flags = map[string]string{}
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return rest, flags, args[i+1:]
		}
		if !strings.HasPrefix(args[i], "-") || args[i] == "-" {
			rest = append(rest, args[i])
			continue
		}
		name, value, joined := strings.Cut(args[i], "=")
		if name = strings.TrimPrefix(name, "--"); long[name] != "" {
			name = long[name]
		}
		if !joined && slices.Contains(withValue, name) && i+1 < len(args) {
			i++
			value = args[i]
		}
		flags[name] = value
	}
	return rest, flags, nil
}

// tryMake looks up targets and variables in the Makefile.
func tryMake(t *testing.T, args []string) error {
	t.Helper()
	makefile := read(t, "Makefile")
	for _, arg := range args {
		variable, _, isVariable := strings.Cut(arg, "=")
		switch {
		case strings.HasPrefix(arg, "-") || !isVariable && strings.Contains(arg, "/"):
		case isVariable && !strings.Contains(makefile, "$("+variable+")") && !strings.Contains(makefile, "$(if $("+variable):
			return fmt.Errorf("make: the Makefile has no variable %s", variable)
		case !isVariable && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(arg)+`:`).MatchString(makefile):
			return fmt.Errorf("make: the Makefile has no target %s", arg)
		}
	}
	return nil
}

// tryGo looks up packages, and has this repository's programs parse their flags.
func tryGo(t *testing.T, args []string) error {
	t.Helper()
	for i, arg := range args {
		folder, local := strings.CutPrefix(arg, "./")
		if folder = strings.TrimSuffix(folder, "..."); !local || folder == "" {
			continue
		}
		if !exists(folder) {
			return fmt.Errorf("go %s: directory %s not found", args[0], folder)
		}
		if args[0] == "run" {
			cmd := exec.CommandContext(t.Context(), "go", append(slices.Clone(args[:i+1]), append(slices.Clone(args[i+1:]), "-h")...)...)
			cmd.Dir = root
			cmd.Env = os.Environ()
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("go run %s: %s", folder, out)
			}
			return nil
		}
	}
	return nil
}

func TestNamedFlagsExist(t *testing.T) {
	t.Parallel()
	tryAll(t, unknownFlags, "`--allowed-domains`, `--set a=b`, `-v=10`, `--read-only`, `--dns01-recursive-nameservers=1.1.1.1:53`, `--issuer-ambient-credentials=true`", []mistake{
		{"`--allow-domains`", "--allow-domains"},
		{"`--output json --readonly`", "--readonly"},
		{"`--dns01-recursive-servers`", "--dns01-recursive-servers"},
	})
}

// unknownFlags checks flags in code spans without a program. They must be flags of the webhook, the check, helm, kubectl or
// cert-manager's controller.
func unknownFlags(t *testing.T, d *Document) []string {
	t.Helper()
	var faults []string
	for _, span := range d.Spans {
		if !strings.HasPrefix(span.Text, "--") {
			continue
		}
		for _, flag := range regexp.MustCompile(`(?:^| )(--[a-z0-9-]+)`).FindAllStringSubmatch(span.Text, -1) {
			if !flagNames(t)[flag[1]] {
				faults = append(faults, fmt.Sprintf("%d: no program has the flag %s", span.Line, flag[1]))
			}
		}
	}
	return faults
}

//nolint:gochecknoglobals // read once for all tests
var flagNames = once(func(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, name := range []string{
		"--cluster-issuer-ambient-credentials", "--cluster-resource-namespace", "--concurrent-workers", "--enable-aggregator-routing", "--dns01-recursive-nameservers",
		"--dns01-recursive-nameservers-only", "--issuer-ambient-credentials", "--max-concurrent-challenges",
	} {
		names[name] = true
	}
	for _, help := range [][]string{
		{"webhook", "--help"},
		{"webhook", "check", "--help"},
		{"helm", "upgrade", "--help"},
		{"helm", "install", "--help"},
		{"helm", "template", "--help"},
		{"helm", "test", "--help"},
		{"kubectl", "options"},
		{"kubectl", "create", "secret", "generic", "--help"},
	} {
		out, stderr, err := run(t, "", help[0], help[1:]...)
		if err != nil {
			t.Fatal(stderr)
		}
		for _, flag := range regexp.MustCompile(`--[a-z0-9-]+`).FindAllString(out, -1) {
			names[flag] = true
		}
	}
	return names
})
