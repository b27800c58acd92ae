package solver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
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
			w.must(w.CleanUp(ch)) // already absent
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
				t.Errorf("%s: got TTL %d, want %d", config, r.TTL, want)
			}
		}
	}
}

// TestPresent_InvalidInput expects the same error twice, and no call to mijn.host.
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
		"no config":                {challenge(func(ch *whapi.ChallengeRequest) { ch.Config = nil }), nil, badConfig + "apiKeySecretRef is required"},
		"empty config":             {withConfig(`{}`), nil, badConfig + "apiKeySecretRef is required"},
		"null config":              {withConfig(`null`), nil, badConfig + "apiKeySecretRef is required"},
		"not an object":            {withConfig(`[1]`), nil, badConfig + "it must be an object, not a JSON array"},
		"not JSON":                 {withConfig(`{`), nil, badConfig + "it is not JSON"},
		"unknown field":            {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"tll":60}`), nil, badConfig + `unknown field "tll"`},
		"unknown nested field":     {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b","namespace":"c"}}`), nil, badConfig + `unknown field "apiKeySecretRef.namespace"`},
		"field in lower case":      {withConfig(`{"apikeysecretref":{"name":"a","key":"b"}}`), nil, badConfig + `unknown field "apikeysecretref"`},
		"duplicate field":          {withConfig(`{"ttl":60,"ttl":61,"apiKeySecretRef":{"name":"a","key":"b"}}`), nil, badConfig + `duplicate field "ttl"`},
		"TTL as string":            {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":"60"}`), nil, badConfig + "ttl must be a whole number of seconds, not a JSON string"},
		"TTL with a fraction":      {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":60.5}`), nil, badConfig + "ttl must be a whole number of seconds, not a JSON number 60.5"},
		"TTL of 0":                 {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":0}`), nil, badConfig + "ttl must be a number of seconds from 1 to 2147483647"},
		"TTL too large":            {withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":2147483648}`), nil, badConfig + "ttl must be a number of seconds from 1 to 2147483647"},
		"reference as string":      {withConfig(`{"apiKeySecretRef":"a"}`), nil, badConfig + "apiKeySecretRef must be an object with name and key, not a JSON string"},
		"Secret name as number":    {withConfig(`{"apiKeySecretRef":{"name":1,"key":"b"}}`), nil, badConfig + "apiKeySecretRef.name must be a string, not a JSON number"},
		"no Secret name":           {withConfig(`{"apiKeySecretRef":{"key":"b"}}`), nil, badConfig + "apiKeySecretRef.name is required"},
		"no Secret key":            {withConfig(`{"apiKeySecretRef":{"name":"a"}}`), nil, badConfig + "apiKeySecretRef.key is required"},
		"Secret name with a slash": {ref("../other/secret", "b"), nil, badConfig + "apiKeySecretRef.name is invalid: a lowercase RFC 1123 subdomain"},
		"Secret key with a slash":  {ref("a", "b/c"), nil, badConfig + "apiKeySecretRef.key is invalid: a valid config key"},

		"Secret not found":     {ref("other", "api-key"), nil, "Secret cert-manager/other not found"},
		"Secret key not found": {ref("mijn-host-api-key", "other"), nil, "key other in Secret cert-manager/mijn-host-api-key is not found"},
		"another namespace": {
			challenge(func(ch *whapi.ChallengeRequest) { ch.ResourceNamespace = "team-a" }), nil,
			"Secret team-a/mijn-host-api-key not found",
		},
		"empty API key": {
			nil, func(c *cluster) {
				c.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": " \n"})
			},
			"key api-key in Secret cert-manager/mijn-host-api-key is empty",
		},
		"API key of two lines": {
			nil, func(c *cluster) {
				c.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": "a\r\nX-Header: b"})
			},
			"key api-key in Secret cert-manager/mijn-host-api-key contains characters that are not allowed in an API key",
		},
		"Secret forbidden": {
			nil, func(c *cluster) { c.fail(apierrors.NewForbidden(secrets, "mijn-host-api-key", errors.New("no"))) },
			"the webhook is not allowed to read Secret cert-manager/mijn-host-api-key: list its name and namespace in the chart's values under secrets",
		},
		"Kubernetes API fails": {
			nil, func(c *cluster) { c.fail(apierrors.NewInternalError(errors.New("etcd at 10.0.0.1:2379 timed out"))) },
			"cannot read Secret cert-manager/mijn-host-api-key from the Kubernetes API",
		},

		"no FQDN":                    {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "" }), nil, "the challenge has no FQDN"},
		"no zone":                    {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedZone = "" }), nil, "the challenge has no zone"},
		"relative FQDN":              {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "_acme-challenge.example.nl" }), nil, "the challenge's FQDN is not an absolute domain name"},
		"path as zone":               {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedZone = "../domains." }), nil, "the challenge's zone is not an absolute domain name"},
		"path in FQDN":               {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "a/../b.example.nl." }), nil, "the challenge's FQDN is not an absolute domain name"},
		"empty label":                {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "a..example.nl." }), nil, "the challenge's FQDN is not an absolute domain name"},
		"name too long":              {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = strings.Repeat("a.", 127) + "nl." }), nil, "the challenge's FQDN is not an absolute domain name"},
		"root as FQDN":               {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "." }), nil, "the challenge's FQDN . is not in its zone example.nl."},
		"label too long":             {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = strings.Repeat("a", 64) + ".example.nl." }), nil, "the challenge's FQDN is not an absolute domain name"},
		"escaped dot":                {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = `a\.b.example.nl.` }), nil, "the challenge's FQDN is not an absolute domain name"},
		"another zone":               {challenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedZone = "example.org." }), nil, "the challenge's FQDN _acme-challenge.example.nl. is not in its zone example.org."},
		"no challenge key":           {challenge(func(ch *whapi.ChallengeRequest) { ch.Key = "" }), nil, "the challenge's key is empty or malformed"},
		"quoted challenge key":       {challenge(func(ch *whapi.ChallengeRequest) { ch.Key = `a" "b` }), nil, "the challenge's key is empty or malformed"},
		"challenge key of two lines": {challenge(func(ch *whapi.ChallengeRequest) { ch.Key = "a\nb" }), nil, "the challenge's key is empty or malformed"},
		"challenge key too long":     {challenge(func(ch *whapi.ChallengeRequest) { ch.Key = strings.Repeat("a", 256) }), nil, "the challenge's key is empty or malformed"},
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
					t.Errorf("got error %v, want %q", err, c.want)
				}
			}
			if calls := w.api.Calls(); calls != 0 {
				t.Errorf("got %d calls to mijn.host, want 0", calls)
			}
		})
	}
}

func TestPresent_KeyRejected(t *testing.T) {
	t.Parallel()
	for at, described := range map[string]string{fqdn: fqdn, "delegated.example.nl.": "delegated.example.nl. (for example.nl)"} {
		w := newWorld(t)
		w.api.RevokeKey(apiKey)
		err := w.Present(newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = at }))
		want := "cannot present " + described + " with the API key from Secret cert-manager/mijn-host-api-key: " +
			"mijn.host rejects the API key: it is wrong, expired, or not allowed from this cluster's IP address (HTTP 401: No valid API key set)"
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// The provider gets the fields of the challenge and the config.
func TestPresent_Record(t *testing.T) {
	t.Parallel()
	const at = "delegated.example.nl."
	for name, c := range map[string]struct {
		challenge *whapi.ChallengeRequest
		want      dnshost.TXT
	}{
		"defaults": {newChallenge(), dnshost.TXT{Zone: "example.nl.", FQDN: fqdn, Value: newChallenge().Key}},
		"delegated name, TTL and service": {
			newChallenge(withConfig(`{"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"},"ttl":90,"service":"PREMIUM"}`),
				func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = at }),
			dnshost.TXT{Zone: "example.nl.", FQDN: at, Value: newChallenge().Key, TTL: 90, Service: "PREMIUM", Delegated: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []dnshost.TXT
			w := newWorld(t, func(o *solver.Options) {
				o.Config = solver.ConfigRules{Services: []string{"PREMIUM"}}
				o.Provider = answering{called: func(_ context.Context, r dnshost.TXT) { got = append(got, r) }}
			})
			w.must(w.Present(c.challenge))
			w.must(w.CleanUp(c.challenge))
			removed := c.want
			removed.TTL, removed.Delegated = 0, false // not used for clean-up
			if want := []dnshost.TXT{c.want, removed}; !slices.Equal(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestPresent_BeforeInitialize(t *testing.T) {
	t.Parallel()
	err := solver.New(solver.Options{Provider: answering{}}).Present(newChallenge())
	if want := "the webhook is still starting"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestInitialize(t *testing.T) {
	t.Parallel()
	config, failure := &rest.Config{Host: "https://127.0.0.1:1"}, errors.New("no")
	s := solver.New(solver.Options{Connect: func(*rest.Config) error { return failure }})
	if err := s.Initialize(config, nil); !errors.Is(err, failure) {
		t.Errorf("got %v, want %v", err, failure)
	}
	if config.QPS != 0 {
		t.Errorf("got QPS %v in the shared config, want it unchanged", config.QPS)
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
	start := time.Now()
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			// A missing Secret costs one read and no call to mijn.host.
			_ = w.Present(newChallenge(withConfig(fmt.Sprintf(`{"apiKeySecretRef":{"name":"missing-%d","key":"k"}}`, i))))
		})
	}
	all.Wait()
	if elapsed := time.Since(start); elapsed > 5*time.Second {
		t.Errorf("100 reads took %s, want under 5s; client-go's limit of 5 a second makes it 18s", elapsed)
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
			t.Errorf("unexpected call %s %s", r.Method, r.Path)
		}
	}
}
