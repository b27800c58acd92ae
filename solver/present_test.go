package solver_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

func TestPresentAndCleanUp(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"without a TTL": goodJSON,
		"with a TTL":    `{"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"},"ttl":2147483647}`,
		"with null TTL": `{"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"},"ttl":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ch := newChallenge(withConfig(config))
			w.must(w.Present(ch))
			w.wantValues(fqdn + "=" + ch.Key)
			w.must(w.CleanUp(ch))
			w.wantValues()
			w.must(w.CleanUp(ch)) // absent is success
		})
	}
}

func TestPresent_TTL(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]int{
		goodJSON: 60,
		`{"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"},"ttl":1}`:   1,
		`{"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"},"ttl":900}`: 900,
	} {
		w := newWorld(t)
		w.must(w.Present(newChallenge(withConfig(config))))
		for _, r := range w.api.Records("example.nl") {
			if r.Type == "TXT" && r.TTL != want {
				t.Errorf("%s: TTL %d, want %d", config, r.TTL, want)
			}
		}
	}
}

// TestPresent_InvalidInput: one constant error, and no call to mijn.host.
func TestPresent_InvalidInput(t *testing.T) {
	t.Parallel()
	const badConfig = "invalid webhook config in Issuer: "
	secrets := schema.GroupResource{Resource: "secrets"}
	challenge := func(change func(*whapi.ChallengeRequest)) func(*whapi.ChallengeRequest) { return change }
	ref := func(name, key string) func(*whapi.ChallengeRequest) {
		return withConfig(fmt.Sprintf(`{"apiKeySecretRef":{"name":%q,"key":%q}}`, name, key))
	}
	for name, c := range map[string]struct {
		challenge func(*whapi.ChallengeRequest)
		cluster   func(*cluster)
		want      string
	}{
		"no config":              {challenge(func(ch *whapi.ChallengeRequest) { ch.Config = nil }), nil, badConfig + "apiKeySecretRef is required"},
		"an empty config":        {withConfig(`{}`), nil, badConfig + "apiKeySecretRef is required"},
		"a null config":          {withConfig(`null`), nil, badConfig + "apiKeySecretRef is required"},
		"not an object":          {withConfig(`[1]`), nil, badConfig + "it must be an object, not a JSON array"},
		"not JSON":               {withConfig(`{`), nil, badConfig + "it is not JSON"},
		"an unknown field":       {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"tll":60}`), nil, badConfig + `unknown field "tll"`},
		"an unknown inner field": {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b","namespace":"c"}}`), nil, badConfig + `unknown field "apiKeySecretRef.namespace"`},
		"another case":           {withConfig(`{"apikeysecretref":{"name":"a","key":"b"}}`), nil, badConfig + `unknown field "apikeysecretref"`},
		"a field twice":          {withConfig(`{"ttl":60,"ttl":61,"apiKeySecretRef":{"name":"a","key":"b"}}`), nil, badConfig + `duplicate field "ttl"`},
		"a TTL as string":        {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":"60"}`), nil, badConfig + "ttl must be a whole number of seconds, not a JSON string"},
		"a TTL with a fraction":  {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":60.5}`), nil, badConfig + "ttl must be a whole number of seconds, not a JSON number 60.5"},
		"a TTL of 0":             {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":0}`), nil, badConfig + "ttl must be a number of seconds from 1 to 2147483647"},
		"a TTL too large":        {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":2147483648}`), nil, badConfig + "ttl must be a number of seconds from 1 to 2147483647"},
		"a reference as string":  {withConfig(`{"apiKeySecretRef":"a"}`), nil, badConfig + "apiKeySecretRef must be an object with name and key, not a JSON string"},
		"a name as number":       {withConfig(`{"apiKeySecretRef":{"name":1,"key":"b"}}`), nil, badConfig + "apiKeySecretRef.name must be a string, not a JSON number"},
		"no name":                {withConfig(`{"apiKeySecretRef":{"key":"b"}}`), nil, badConfig + "apiKeySecretRef.name is required"},
		"no key":                 {withConfig(`{"apiKeySecretRef":{"name":"a"}}`), nil, badConfig + "apiKeySecretRef.key is required"},
		"a name with a slash":    {ref("../other/secret", "b"), nil, badConfig + "apiKeySecretRef.name is invalid: a lowercase RFC 1123 subdomain"},
		"a key with a slash":     {ref("a", "b/c"), nil, badConfig + "apiKeySecretRef.key is invalid: a valid config key"},

		"a Secret that is missing": {ref("other", "api-key"), nil, "Secret cert-manager/other not found"},
		"a key that is missing":    {ref("mijn-host-api-key", "other"), nil, "key other in Secret cert-manager/mijn-host-api-key is not found"},
		"another namespace": {
			challenge(func(ch *whapi.ChallengeRequest) { ch.ResourceNamespace = "team-a" }), nil,
			"Secret team-a/mijn-host-api-key not found",
		},
		"an empty key": {
			nil, func(c *cluster) {
				c.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": " \n"})
			},
			"key api-key in Secret cert-manager/mijn-host-api-key is empty",
		},
		"a key that is two lines": {
			nil, func(c *cluster) {
				c.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": "a\r\nX-Header: b"})
			},
			"key api-key in Secret cert-manager/mijn-host-api-key contains characters that are not allowed in an API key",
		},
		"a Secret that may not be read": {
			nil, func(c *cluster) { c.fail(apierrors.NewForbidden(secrets, "mijn-host-api-key", errors.New("no"))) },
			"the webhook is not allowed to read Secret cert-manager/mijn-host-api-key: list its name and namespace in the chart's values under secrets",
		},
		"a Kubernetes API that fails": {
			nil, func(c *cluster) { c.fail(apierrors.NewInternalError(errors.New("etcd at 10.0.0.1:2379 timed out"))) },
			"cannot read Secret cert-manager/mijn-host-api-key from the Kubernetes API",
		},

		"no FQDN":            {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "" }), nil, "the challenge has no FQDN"},
		"no zone":            {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedZone = "" }), nil, "the challenge has no zone"},
		"a relative FQDN":    {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "_acme-challenge.example.nl" }), nil, "the challenge's FQDN is not an absolute domain name"},
		"a path as zone":     {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedZone = "../domains." }), nil, "the challenge's zone is not an absolute domain name"},
		"a path in the FQDN": {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "a/../b.example.nl." }), nil, "the challenge's FQDN is not an absolute domain name"},
		"an empty label":     {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "a..example.nl." }), nil, "the challenge's FQDN is not an absolute domain name"},
		"a long name":        {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = strings.Repeat("a.", 127) + "nl." }), nil, "the challenge's FQDN is not an absolute domain name"},
		"the root as FQDN":   {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "." }), nil, "the challenge's FQDN . is not in its zone example.nl."},
		"a long label":       {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = strings.Repeat("a", 64) + ".example.nl." }), nil, "the challenge's FQDN is not an absolute domain name"},
		"an escaped dot":     {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = `a\.b.example.nl.` }), nil, "the challenge's FQDN is not an absolute domain name"},
		"another zone":       {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedZone = "example.org." }), nil, "the challenge's FQDN _acme-challenge.example.nl. is not in its zone example.org."},
		"no challenge key":   {challenge(func(ch *whapi.ChallengeRequest) { ch.Key = "" }), nil, "the challenge's key is empty or malformed"},
		"a quoted key":       {challenge(func(ch *whapi.ChallengeRequest) { ch.Key = `a" "b` }), nil, "the challenge's key is empty or malformed"},
		"a key of two lines": {challenge(func(ch *whapi.ChallengeRequest) { ch.Key = "a\nb" }), nil, "the challenge's key is empty or malformed"},
		"a key too long":     {challenge(func(ch *whapi.ChallengeRequest) { ch.Key = strings.Repeat("a", 256) }), nil, "the challenge's key is empty or malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.cluster != nil {
				c.cluster(w.cluster)
			}
			ch := newChallenge()
			if c.challenge != nil {
				c.challenge(ch)
			}
			for range 2 {
				err := w.Present(ch)
				if err == nil || !strings.HasPrefix(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
			}
			if calls := w.api.Calls(); calls != 0 {
				t.Errorf("%d calls to mijn.host, want none", calls)
			}
		})
	}
}

func TestPresent_KeyRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.RevokeKey(apiKey)
	err := w.Present(newChallenge())
	const want = "cannot present _acme-challenge.example.nl. with the API key from Secret cert-manager/mijn-host-api-key: " +
		"mijn.host rejects the API key: it is wrong, expired, or not allowed from this cluster's IP address (HTTP 401: No valid API key set)"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestPresent_KeyWithWhiteSpace(t *testing.T) {
	t.Parallel()
	for _, value := range []string{apiKey + "\n", apiKey + "\r\n", "  " + apiKey + "\t"} {
		w := newWorld(t)
		w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": value})
		w.must(w.Present(newChallenge()))
	}
}

func TestCleanUp_KeyRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Present(newChallenge()))
	w.api.RevokeKey(apiKey)
	w.api.AddAccount("new-key", "example.nl")
	w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": "new-key"})
	w.must(w.CleanUp(newChallenge()))
	w.wantValues()
}

func TestPresent_AmbientKey(t *testing.T) {
	t.Parallel()
	noRef := withConfig(`{"ttl":120}`)
	ambient := func(ch *whapi.ChallengeRequest) { ch.AllowAmbientCredentials = true }
	withKey := func(o *solver.Options) { o.AmbientAPIKey = apiKey }

	newWorld(t, withKey).must(newWorld(t, withKey).Present(newChallenge(noRef, ambient)))
	const missing = "invalid webhook config in Issuer: apiKeySecretRef is required"
	if err := newWorld(t, withKey).Present(newChallenge(noRef)); err == nil || err.Error() != missing {
		t.Errorf("not allowed: got %v, want %q", err, missing)
	}
	if err := newWorld(t).Present(newChallenge(noRef, ambient)); err == nil || err.Error() != missing {
		t.Errorf("not set: got %v, want %q", err, missing)
	}
	w := newWorld(t, func(o *solver.Options) { o.AmbientAPIKey = "wrong" })
	w.must(w.Present(newChallenge(ambient))) // apiKeySecretRef takes precedence
}

func TestPresent_SecretReadsNotThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun := time.Now()
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			// A missing Secret is read, and nothing else happens.
			_ = w.Present(newChallenge(withConfig(fmt.Sprintf(`{"apiKeySecretRef":{"name":"missing-%d","key":"k"}}`, i))))
		})
	}
	all.Wait()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("100 Secrets took %s; at client-go's 5 a second it is 18 s", took)
	}
}

func TestNoPUTIsEverSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Present(newChallenge()))
	w.must(w.CleanUp(newChallenge()))
	w.api.RequireNoPUT(t)
	for _, r := range w.api.Requests() {
		if r.Op != mijnhosttest.OpReadRecords && r.Op != mijnhosttest.OpPatchRecord && r.Op != mijnhosttest.OpDeleteRecord {
			t.Errorf("unexpected %s %s", r.Method, r.Path)
		}
	}
}
