package solver

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/miekg/dns"
)

var (
	// hostLabel is a label that ACME names are made of: letters, digits and hyphens, and the
	// underscore that starts _acme-challenge. Nothing in it has a meaning in a URL.
	hostLabel = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?$`)
	// challengeKey is a TXT value of one string: printable ASCII without blanks, quotes
	// and backslashes, which DNS software writes in different ways.
	challengeKey = regexp.MustCompile(`^[[:alnum:]!#$%&'()*+,./:;<=>?@\[\]^_{|}~-]{1,255}$`)
)

// validate refuses a challenge that does not name one place in the DNS and one value, or a place
// that the operator does not allow.
func (s *Solver) validate(ch *whapi.ChallengeRequest) error {
	if err := validateName("FQDN", ch.ResolvedFQDN); err != nil {
		return err
	}
	if err := validateName("zone", ch.ResolvedZone); err != nil {
		return err
	}
	if !dns.IsSubDomain(ch.ResolvedZone, ch.ResolvedFQDN) {
		return fmt.Errorf("the challenge's FQDN %s is not in its zone %s", ch.ResolvedFQDN, ch.ResolvedZone)
	}
	if !challengeKey.MatchString(ch.Key) {
		return errors.New("the challenge's key is empty or malformed")
	}
	if !isAllowed(s.allowedDomains, ch.ResolvedFQDN) {
		return fmt.Errorf("the webhook may not touch %s: it is in none of its --allowed-domains", ch.ResolvedFQDN)
	}
	return nil
}

// isAllowed tells whether fqdn lies in one of the domains that the operator allows; none listed allows all.
func isAllowed(allowed []string, fqdn string) bool {
	return len(allowed) == 0 || slices.ContainsFunc(allowed, func(domain string) bool { return dns.IsSubDomain(dns.Fqdn(domain), fqdn) })
}

// ValidateDomains refuses what is not a list of domain names.
func ValidateDomains(domains []string) error {
	for _, domain := range domains {
		if validateName("domain", dns.Fqdn(domain)) != nil || domain == "" {
			return fmt.Errorf("%q is not a domain name", domain)
		}
	}
	return nil
}

// validateName wants an absolute name (RFC 1035, section 2.3.4). A zone may be as short as a top-level
// domain: that is what cert-manager resolves for a domain that is not delegated.
func validateName(what, name string) error {
	if name == "" {
		return fmt.Errorf("the challenge has no %s", what)
	}
	_, valid := dns.IsDomainName(name)
	valid = valid && dns.IsFqdn(name)
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		valid = valid && hostLabel.MatchString(label)
	}
	if !valid {
		return fmt.Errorf("the challenge's %s is not an absolute domain name", what)
	}
	return nil
}
