package solver_test

import (
	"strings"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

func TestConfigRules(t *testing.T) {
	t.Parallel()
	const ref = `"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"}`
	rules := solver.ConfigRules{MinTTL: 60, MaxTTL: 2419200, Services: []string{"BASIC", "PREMIUM"}}
	for config, errors := range map[string][2]string{ // without and with rules
		`{` + ref + `,"ttl":59}`:            {"", "ttl must be a number of seconds from 60 to 2419200"},
		`{` + ref + `,"ttl":2419201}`:       {"", "ttl must be a number of seconds from 60 to 2419200"},
		`{` + ref + `,"ttl":0}`:             {"ttl must be a number of seconds from 1 to 2147483647", "ttl must be a number of seconds from 60 to 2419200"},
		`{` + ref + `,"service":"PREMIUM"}`: {`unknown field "service"`, ""},
		`{` + ref + `,"service":"premium"}`: {`unknown field "service"`, "service must be BASIC or PREMIUM"},
		`{` + ref + `,"service":1}`:         {"service must be a string, not a JSON number", "service must be a string, not a JSON number"},
		`{` + ref + `,"Service":"PREMIUM"}`: {`unknown field "Service"`, `unknown field "Service"`},
	} {
		for i, want := range errors {
			w := newWorld(t, func(o *solver.Options) {
				if i == 1 {
					o.Config = rules
				}
			})
			err := w.Present(newChallenge(withConfig(config)))
			switch {
			case want == "" && err != nil, want != "" && (err == nil || !strings.HasSuffix(err.Error(), "invalid webhook config in Issuer: "+want)):
				t.Errorf("%s, rules %d: got %v, want %q", config, i, err, want)
			}
		}
	}
}
