package check_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/check"
)

func TestEveryFieldAndStepIsDocumented(t *testing.T) {
	t.Parallel()
	held, err := os.ReadFile("../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(held)
	for _, words := range append(fieldsOf(reflect.TypeFor[check.Result](), ""),
		string(check.StepKey), string(check.StepChallenge), string(check.StepDomain), string(check.StepManaged), string(check.StepDelegation),
		string(check.StepCAA), string(check.StepWrite), string(check.StepRead), string(check.StepNameservers), string(check.StepRemove)) {
		if !strings.Contains(page, "`"+words+"`") {
			t.Errorf("docs/check.md does not name `%s`", words)
		}
	}
}

// fieldsOf are the names of a struct's fields in JSON; those of lists stand alone.
func fieldsOf(of reflect.Type, within string) []string {
	var names []string
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch inner := field.Type; {
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
