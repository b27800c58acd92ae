// Package solver solves cert-manager's DNS-01 challenges at a DNS host. It handles the request, the Issuer's config and the
// Secret with the API key; a Provider writes the TXT record.
package solver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/go-logr/logr"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// Options configure a Solver. Name and Provider are required.
type Options struct {
	// Name is the solverName of the Issuer's config.
	Name string
	// Provider writes records at the DNS host.
	Provider Provider
	// AmbientAPIKey is used if an Issuer names no Secret and cert-manager allows ambient credentials, by default for
	// ClusterIssuers only. May be empty.
	AmbientAPIKey string
	// AllowedDomains limits the names that the solver reads and writes. Empty allows all.
	AllowedDomains []string
	// Observer receives the outcome of each call; may be nil.
	Observer Observer
	// Challenges lists the cluster's Challenges. Initialize connects it; may be nil.
	Challenges *Challenges
	// Config has the limits of the Issuer's config.
	Config ConfigRules
	// Connect is called by Initialize with the Kubernetes client config; may be nil.
	Connect func(*rest.Config) error
}

// Solver implements cert-manager's webhook.Solver. It is safe for concurrent use.
type Solver struct {
	name           string
	provider       Provider
	ambientKey     string
	allowedDomains []string
	observer       Observer
	challenges     *Challenges
	rules          ConfigRules
	connect        func(*rest.Config) error
	secrets        atomic.Pointer[corev1.CoreV1Client] // nil until Initialize
	presented      *presented
}

// New returns a Solver for cert-manager's webhook server.
func New(o Options) *Solver {
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	return &Solver{
		name:           o.Name,
		provider:       o.Provider,
		ambientKey:     o.AmbientAPIKey,
		allowedDomains: o.AllowedDomains,
		observer:       o.Observer,
		challenges:     o.Challenges,
		rules:          o.Config,
		connect:        o.Connect,
		presented:      newPresented(o.Observer.ValuesPresented),
	}
}

// Name is the solver's name in the Issuer's config and in the API group.
func (s *Solver) Name() string { return s.name }

// Initialize sets up the Kubernetes clients. The server calls it before it becomes ready.
func (s *Solver) Initialize(config *rest.Config, _ <-chan struct{}) error {
	config = rest.CopyConfig(config)
	// Each challenge reads a Secret. With client-go's default of 5 requests a second, 100 challenges would wait 18 s. The API
	// server has its own priority and fairness.
	config.QPS = -1
	client, err := corev1.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect to the Kubernetes API: %w", err)
	}
	if s.connect != nil {
		if err := s.connect(config); err != nil {
			return err
		}
	}
	s.secrets.Store(client)
	if s.challenges != nil {
		s.challenges.connect(client.RESTClient())
	}
	return nil
}

// Present adds the challenge's key as a TXT value at its FQDN.
func (s *Solver) Present(ch *whapi.ChallengeRequest) error {
	return s.PresentContext(context.Background(), ch)
}

// PresentContext is Present with the trace of ctx. Cancelling ctx does not stop it.
func (s *Solver) PresentContext(ctx context.Context, ch *whapi.ChallengeRequest) error {
	return s.answer(ctx, ActionPresent, ch, s.present)
}

// CleanUp removes only the challenge's TXT value. It returns an error only if a retry can succeed, because
// cert-manager keeps a Challenge until its clean-up succeeds.
func (s *Solver) CleanUp(ch *whapi.ChallengeRequest) error {
	return s.CleanUpContext(context.Background(), ch)
}

// CleanUpContext is CleanUp with the trace of ctx. Cancelling ctx does not stop it.
func (s *Solver) CleanUpContext(ctx context.Context, ch *whapi.ChallengeRequest) error {
	return s.answer(ctx, ActionCleanUp, ch, s.cleanUp)
}

func (s *Solver) present(ctx context.Context, ch *whapi.ChallengeRequest) (dnshost.Result, error) {
	if err := s.validate(ch); err != nil {
		return dnshost.Result{}, err
	}
	config, err := s.rules.Parse(ch.Config)
	if err != nil {
		return dnshost.Result{}, err
	}
	key, err := s.readAPIKey(ctx, ch.ResourceNamespace, config, ch.AllowAmbientCredentials)
	if err != nil {
		return dnshost.Result{}, err
	}
	outcome, err := s.provider.Present(ctx, key.value, dnshost.TXT{
		Zone: ch.ResolvedZone, FQDN: ch.ResolvedFQDN, Value: ch.Key, TTL: config.ttl(), Service: config.service(), Delegated: isDelegated(ch),
	})
	if apiclient.MayHaveTakenEffect(err) {
		s.presented.add(ch, key, false)
	}
	if err != nil {
		return outcome, fmt.Errorf("cannot present %s with the API key from %s: %w", describe(ch, ch.ResolvedFQDN), key.origin, err)
	}
	s.presented.add(ch, key, true)
	return outcome, nil
}

func (s *Solver) cleanUp(ctx context.Context, ch *whapi.ChallengeRequest) (dnshost.Result, error) {
	outcome, err := s.remove(ctx, ch)
	if errors.As(err, new(*dnshost.LeftBehindError)) && s.neverPresented(ctx, ch) {
		logr.FromContextOrDiscard(ctx).V(2).Info("Nothing to clean up: the challenge was never presented", "reason", err.Error())
		err = nil
	}
	// An error would keep the Challenge forever, and block every later certificate for that name.
	if err == nil || errors.As(err, new(*dnshost.LeftBehindError)) {
		s.presented.remove(ch)
	}
	return outcome, err
}

// remove removes the value from every name that may have it.
func (s *Solver) remove(ctx context.Context, ch *whapi.ChallengeRequest) (dnshost.Result, error) {
	names, refusal := s.locationsOf(ch)
	if len(names) == 0 {
		return dnshost.Result{}, &dnshost.LeftBehindError{Reason: refusal}
	}
	config, err := s.rules.Parse(ch.Config)
	if err != nil {
		return dnshost.Result{}, noKey(err) // final, because the Challenge has an immutable copy of the config
	}
	key, err := s.keyForCleanUp(ctx, ch, config)
	if err != nil {
		return dnshost.Result{}, err
	}
	outcome, err := s.removeFrom(ctx, names, key, ch, config.service())
	if key.remembered && errors.Is(err, apiclient.ErrKeyRefused) {
		err = &dnshost.LeftBehindError{Reason: err} // without a Secret, the key cannot be fixed
	}
	return outcome, err
}

// neverPresented reports whether no process presented this challenge: this one does not remember it, and either the request is
// invalid or the Challenge's status says so.
func (s *Solver) neverPresented(ctx context.Context, ch *whapi.ChallengeRequest) bool {
	if _, ok := s.presented.get(ch); ok {
		return false
	}
	if _, err := s.rules.Parse(ch.Config); err != nil || validateRequest(ch) != nil {
		return true
	}
	return s.challenges != nil && s.challenges.neverPresented(ctx, ch.Key)
}

// describe returns the FQDN, followed by the challenge's DNS name if a CNAME led to the FQDN.
func describe(ch *whapi.ChallengeRequest, fqdn string) string {
	if dnsname.FQDN(fqdn) == challengeName(ch) {
		return fqdn
	}
	return fqdn + " (for " + ch.DNSName + ")"
}

// removeFrom tries every name, even after a failure, and returns the first error. Only the last name decides whether the value
// is left behind: if there are two names, this process presented the value at the last one.
func (s *Solver) removeFrom(ctx context.Context, names []location, key apiKey, ch *whapi.ChallengeRequest, service string) (dnshost.Result, error) {
	var total dnshost.Result
	var failure, leftBehind error
	for _, at := range names {
		outcome, err := s.provider.CleanUp(ctx, key.value, dnshost.TXT{Zone: at.zone, FQDN: at.fqdn, Value: ch.Key, Service: service})
		total.Calls += outcome.Calls
		total.Shared = max(total.Shared, outcome.Shared)
		total.Domain = cmp.Or(outcome.Domain, total.Domain)
		leftBehind = nil
		switch {
		case errors.As(err, new(*dnshost.LeftBehindError)):
			leftBehind = err
		case err != nil && failure == nil:
			failure = fmt.Errorf("cannot clean up %s with the API key from %s: %w", describe(ch, at.fqdn), key.origin, err)
		}
	}
	return total, cmp.Or(failure, leftBehind)
}

// keyForCleanUp returns the key that the config names or, if that is missing, the one that Present used. An invalid key is an
// error until its Secret is deleted or forbidden.
func (s *Solver) keyForCleanUp(ctx context.Context, ch *whapi.ChallengeRequest, config Config) (apiKey, error) {
	key, err := s.readAPIKey(ctx, ch.ResourceNamespace, config, ch.AllowAmbientCredentials)
	var missing *noKeyError
	if !errors.As(err, &missing) {
		return key, err
	}
	if r, ok := s.presented.get(ch); ok {
		key = r.key
		key.remembered = missing.gone
		return key, nil
	}
	if !missing.gone {
		return apiKey{}, err
	}
	return apiKey{}, noKey(err)
}

func noKey(reason error) error {
	return &dnshost.LeftBehindError{Reason: fmt.Errorf("no API key for clean-up: %w", reason)}
}

// locationsOf returns the names that may have the challenge's value: the current target of its CNAMEs, unless validate rejects
// it, and the name where this process presented it, if the CNAMEs have changed since.
func (s *Solver) locationsOf(ch *whapi.ChallengeRequest) (names []location, refusal error) {
	if refusal = s.validate(ch); refusal == nil {
		names = append(names, location{ch.ResolvedZone, ch.ResolvedFQDN})
	}
	if r, ok := s.presented.get(ch); ok && (refusal != nil || r.at.fqdn != ch.ResolvedFQDN) {
		names = append(names, r.at)
	}
	return names, refusal
}
