package mijnhostcheck_test

import (
	"context"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestDocs_FieldsAndSteps(t *testing.T) {
	t.Parallel()
	held, err := os.ReadFile("../../docs/reference/check.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(held)
	for _, words := range append(fieldsOf(reflect.TypeFor[check.Result](), ""),
		string(check.StepIssuer), string(check.StepSolver), string(check.StepWebhook), string(check.StepConfig), string(check.StepAccess), string(check.StepPending), string(check.StepKey), string(check.StepResolution), string(check.StepChallenge), string(check.StepAllowed), string(check.StepDomain), string(check.StepManaged), string(check.StepRecords), string(check.StepValues), string(check.StepRemoveValue), string(check.StepWildcard), string(check.StepDelegation), string(check.StepServers),
		string(check.StepCAA), string(check.StepWrite), string(check.StepRead), string(check.StepNameservers), string(check.StepRemove)) {
		if !strings.Contains(page, "`"+words+"`") {
			t.Errorf("docs/reference/check.md does not name `%s`", words)
		}
	}
}

// The reports in docs/reference/check.md are real, except for the random name of the probe.
func TestDocs_ReportsAreReal(t *testing.T) {
	t.Parallel()
	held, err := os.ReadFile("../../docs/reference/check.md")
	if err != nil {
		t.Fatal(err)
	}
	page := withoutRandom(string(held))
	for name, spoil := range map[string]func(world){
		"all is well": func(world) {},
		"two problems": func(w world) {
			w.api.RevokeKey(testKey)
			w.api.AddRecord(domain, record("CAA", "example.nl.", `0 issue "sectigo.com"`))
			<-time.After(time.Minute) // until it is served
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{DNSLag: 54 * time.Second, StaleReads: 2 * time.Second}, func(w world) {
				spoil(w)
				report := checktest.Text(w.T, w.run(func(o *check.Options) {
					o.Key, o.Version, o.Commit = fromEnvironment{checktest.Key(testKey)}, "v0.1.0", "0123abc"
				}))
				if !strings.Contains(page, "$ webhook check --domain example.nl\n"+withoutRandom(report)+"```\n") {
					t.Errorf("docs/reference/check.md does not show\n%s", report)
				}
			})
		})
	}
}

// fromEnvironment is a keysource.Source whose key is from the environment.
type fromEnvironment struct{ key checktest.Key }

func (fromEnvironment) Origin() string                            { return "the environment variable MIJNHOST_API_KEY" }
func (e fromEnvironment) Key(ctx context.Context) (string, error) { return e.key.Key(ctx) }

func withoutRandom(text string) string {
	return regexp.MustCompile(`_mijn-host-webhook-check-\w+`).ReplaceAllString(text, "_mijn-host-webhook-check")
}

// fieldsOf returns the JSON names of a struct's fields. Those in lists have no prefix.
func fieldsOf(of reflect.Type, within string) []string {
	var names []string
	for field := range of.Fields() {
		if !field.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch inner := field.Type; {
		case inner == reflect.TypeFor[check.Behaviour]():
			names = append(names, fieldsOf(reflect.TypeFor[mijnhostcheck.Behaviour](), within+name+".")...)
		case inner.Kind() == reflect.Pointer && inner.Elem().Kind() == reflect.Struct:
			names = append(names, fieldsOf(inner.Elem(), within+name+".")...)
		case inner.Kind() == reflect.Struct:
			names = append(names, fieldsOf(inner, within+name+".")...)
		case inner.Kind() == reflect.Slice:
			names = append(names, within+name+"[]")
			if inner.Elem().Kind() == reflect.Struct {
				names = append(names, fieldsOf(inner.Elem(), "")...)
			}
		default:
			names = append(names, within+name)
		}
	}
	return names
}
