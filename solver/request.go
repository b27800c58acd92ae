package solver

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// challengeKey is a TXT value of one string: printable ASCII without spaces, quotes and backslashes, which DNS software
// escapes in different ways.
var challengeKey = regexp.MustCompile(`^[[:alnum:]!#$%&'()*+,./:;<=>?@\[\]^_{|}~-]{1,255}$`)

// validate returns an error for a malformed request or a name outside the allowed domains.
func (s *Solver) validate(ch *whapi.ChallengeRequest) error {
	if err := validateRequest(ch); err != nil {
		return err
	}
	if !isAllowed(s.allowedDomains, ch.ResolvedFQDN) {
		return fmt.Errorf("%s is not in the webhook's --allowed-domains", describe(ch, ch.ResolvedFQDN))
	}
	return nil
}

func validateRequest(ch *whapi.ChallengeRequest) error {
	if err := validateName("FQDN", ch.ResolvedFQDN); err != nil {
		return err
	}
	if err := validateName("zone", ch.ResolvedZone); err != nil {
		return err
	}
	if !dnsname.IsSubdomain(ch.ResolvedFQDN, ch.ResolvedZone) {
		return fmt.Errorf("the challenge's FQDN %s is not in its zone %s", ch.ResolvedFQDN, ch.ResolvedZone)
	}
	if !challengeKey.MatchString(ch.Key) {
		return errors.New("the challenge's key is empty or malformed")
	}
	return nil
}

// challengeName is the FQDN that the ACME server queries (RFC 8555, section 8.4).
func challengeName(ch *whapi.ChallengeRequest) string {
	return dnsname.FQDN("_acme-challenge." + ch.DNSName)
}

// isDelegated reports whether a CNAME led to the FQDN.
func isDelegated(ch *whapi.ChallengeRequest) bool {
	return dnsname.FQDN(ch.ResolvedFQDN) != challengeName(ch)
}

// isAllowed reports whether fqdn is in one of the allowed domains. An empty list allows all.
func isAllowed(allowed []string, fqdn string) bool {
	return len(allowed) == 0 || slices.ContainsFunc(allowed, func(domain string) bool { return dnsname.IsSubdomain(fqdn, domain) })
}

// ValidateDomains returns an error that names the first entry that is not a domain name.
func ValidateDomains(domains []string) error {
	for _, domain := range domains {
		if !dnsname.IsValid(domain) {
			return fmt.Errorf("%q is not a domain name", domain)
		}
	}
	return nil
}

// validateName requires an absolute name. A zone may be a top-level domain or the root: cert-manager finds these for a domain
// that is not delegated.
func validateName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the challenge has no %s", what)
	case name != "." && (!strings.HasSuffix(name, ".") || !dnsname.IsValid(name)):
		return fmt.Errorf("the challenge's %s is not an absolute domain name", what)
	default:
		return nil
	}
}
