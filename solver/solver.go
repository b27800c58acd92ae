// Package solver answers cert-manager's DNS-01 challenges through a DNS host. It knows
// cert-manager, the Issuer's config and the Secret with the API key; how a TXT value gets into
// a zone is the Provider's business.
package solver

import (
	"context"
	"errors"
	"fmt"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/go-logr/logr"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// callTime bounds one call. The API server answers 504 after 34 s while the solver
// would run on, and a retry of cert-manager could then overlap it.
const callTime = 25 * time.Second

// Options tell a Solver who it is and what it may do.
type Options struct {
	// Name is the solverName of the Issuer's config.
	Name string
	// Provider does the work at the DNS host.
	Provider Provider
	// AmbientAPIKey is used where an Issuer names no Secret and cert-manager allows
	// ambient credentials, which it does for ClusterIssuers by default. May be empty.
	AmbientAPIKey string
	// AllowedDomains are the domains within which the process touches names at all; none means everywhere.
	AllowedDomains []string
}

// Solver implements cert-manager's webhook.Solver. It is safe for concurrent use.
type Solver struct {
	name           string
	provider       Provider
	ambientKey     string
	allowedDomains []string
	secrets        corev1.SecretsGetter
	presented      *presented
}

// New returns a Solver that can be given to cert-manager's webhook server.
func New(o Options) *Solver {
	return &Solver{
		name:           o.Name,
		provider:       o.Provider,
		ambientKey:     o.AmbientAPIKey,
		allowedDomains: o.AllowedDomains,
		presented:      newPresented(),
	}
}

// Name is the solver's name in the Issuer's config and in the API group.
func (s *Solver) Name() string { return s.name }

// Initialize connects to the Kubernetes API. The server calls it before it becomes ready.
func (s *Solver) Initialize(config *rest.Config, _ <-chan struct{}) error {
	config = rest.CopyConfig(config)
	// A Secret is read at each challenge. client-go's default of 5 requests a second would hold a hundred
	// challenges back for 18 s; the API server has priorities of its own.
	config.QPS = -1
	client, err := corev1.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect to the Kubernetes API: %w", err)
	}
	s.secrets = client
	return nil
}

// Present puts the challenge's key as a TXT value under its FQDN.
func (s *Solver) Present(ch *whapi.ChallengeRequest) error {
	ctx, cancel := s.begin(ch)
	defer cancel()
	return s.present(ctx, ch)
}

// CleanUp takes the challenge's TXT value away, and nothing else. It fails only where a later attempt can
// succeed, for cert-manager keeps a Challenge until its clean-up has succeeded.
func (s *Solver) CleanUp(ch *whapi.ChallengeRequest) error {
	ctx, cancel := s.begin(ch)
	defer cancel()
	return s.cleanUp(ctx, ch)
}

// begin gives a call its deadline and its logger.
func (s *Solver) begin(ch *whapi.ChallengeRequest) (context.Context, context.CancelFunc) {
	log := klog.Background().WithValues("dnsName", ch.DNSName, "fqdn", ch.ResolvedFQDN)
	return context.WithTimeout(logr.NewContext(context.Background(), log), callTime)
}

func (s *Solver) present(ctx context.Context, ch *whapi.ChallengeRequest) error {
	if err := s.validate(ch); err != nil {
		return err
	}
	config, err := parseConfig(ch.Config)
	if err != nil {
		return err
	}
	key, err := s.readAPIKey(ctx, ch.ResourceNamespace, config, ch.AllowAmbientCredentials)
	if err != nil {
		return err
	}
	if err := s.provider.AddTXT(ctx, key.value, ch.ResolvedZone, ch.ResolvedFQDN, ch.Key, config.ttl()); err != nil {
		return fmt.Errorf("cannot present %s with the API key from %s: %w", ch.ResolvedFQDN, key.origin, err)
	}
	s.presented.put(ch, key)
	return nil
}

func (s *Solver) cleanUp(ctx context.Context, ch *whapi.ChallengeRequest) error {
	if err := s.validate(ch); err != nil {
		giveUp(ctx, err) // Present has refused it as well
		return nil
	}
	key, err := s.keyForCleanUp(ctx, ch)
	if errors.Is(err, errUncleanable) {
		giveUp(ctx, err)
		s.presented.take(ch)
		return nil
	}
	if err != nil {
		return err
	}
	for _, place := range s.placesOf(ch) {
		if err := s.provider.RemoveTXT(ctx, key.value, place.zone, place.fqdn, ch.Key); err != nil {
			return fmt.Errorf("cannot clean up %s with the API key from %s: %w", place.fqdn, key.origin, err)
		}
	}
	s.presented.take(ch)
	return nil
}

// errUncleanable marks a clean-up without a key that could do it, now or later.
var errUncleanable = errors.New("no API key for the clean-up")

// keyForCleanUp is the key that the config names or, where that is gone, the one that this
// process presented with. The config is a copy in the Challenge that nobody can mend, so a wrong one ends the matter.
func (s *Solver) keyForCleanUp(ctx context.Context, ch *whapi.ChallengeRequest) (apiKey, error) {
	config, configErr := parseConfig(ch.Config)
	if configErr == nil {
		key, err := s.readAPIKey(ctx, ch.ResourceNamespace, config, ch.AllowAmbientCredentials)
		if err == nil || !errors.Is(err, errKeyGone) {
			return key, err
		}
		configErr = err
	}
	if r, ok := s.presented.get(ch); ok {
		return r.key, nil
	}
	return apiKey{}, fmt.Errorf("%w: %w", errUncleanable, configErr)
}

// placesOf are the places where the challenge's value can stand: where the name leads now and, if its
// CNAMEs have changed since, where this process put it.
func (s *Solver) placesOf(ch *whapi.ChallengeRequest) []record {
	places := []record{{zone: ch.ResolvedZone, fqdn: ch.ResolvedFQDN}}
	if r, ok := s.presented.get(ch); ok && r.fqdn != ch.ResolvedFQDN {
		places = append(places, r)
	}
	return places
}

// giveUp tells which record may stay in the zone. An error instead would keep the Challenge for
// ever, and with it every later certificate for that name.
func giveUp(ctx context.Context, reason error) {
	logr.FromContextOrDiscard(ctx).Info("WARNING: a TXT record may be left behind: nothing can clean it up any more", "reason", reason.Error())
}
