package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// The parts of a CAA record (RFC 8659, RFC 8657).
const (
	tagIssue     = "issue"
	tagIssueWild = "issuewild"
	caaCritical  = 128
	caaMethods   = "validationmethods"
	caaAccount   = "accounturi"
	method       = "dns-01"
)

// checkCAA reports whether CAA records allow the CA to issue.
func (c *Check) checkCAA(ctx context.Context) {
	where, set, err := relevantCAA(ctx, c.options.DNS, c.Result.Name)
	if err != nil {
		c.dnsFault(ctx, StepCAA, "Cannot read the CAA records for "+c.options.CA, err)
		return
	}
	if len(set) == 0 {
		c.Step(StepCAA, OK, fmt.Sprintf("No CAA record blocks %s.", c.options.CA), "")
		return
	}
	plain, wild := mayIssue(set, c.options.CA, false), mayIssue(set, c.options.CA, true)
	judged, what := plain, c.Result.Name
	if c.Result.Wildcard {
		judged, what = wild, "*."+c.Result.Name
	}
	if !judged.allowed {
		remedy := fmt.Sprintf("Add the CAA record 0 %s %q at %s, or remove the existing ones.", judged.tag, c.options.CA, where)
		if judged.tag == "" {
			remedy = fmt.Sprintf("Remove the CAA record with this tag at %s.", where)
		}
		c.Step(StepCAA, Problem, fmt.Sprintf("The CAA records at %s do not allow %s to issue for %s: %s.", where, c.options.CA, what, judged.why), remedy)
		return
	}
	summary := fmt.Sprintf("The CAA records at %s allow %s to issue for %s.", where, c.options.CA, what)
	if !wild.allowed {
		summary += fmt.Sprintf(" They do not allow wildcards: %s.", wild.why)
	}
	if judged.account {
		summary += " accounturi restricts this to one ACME account: compare it with status.acme.uri of the Issuer or ClusterIssuer " +
			"(kubectl get clusterissuer NAME -o jsonpath='{.status.acme.uri}')."
	}
	c.Step(StepCAA, OK, summary, "")
}

// relevantCAA returns the CAA records of name or of its closest parent that has any (RFC 8659, section 3).
func relevantCAA(ctx context.Context, d DNS, name string) (where string, set []CAA, err error) {
	for where = name; where != ""; where = parent(where) {
		m, err := resolve(ctx, d, where, dns.TypeCAA)
		if err != nil {
			return where, nil, err
		}
		for _, r := range m.Answers { // including those of a CNAME target
			if r.Type == dns.TypeCAA {
				set = append(set, r.CAA)
			}
		}
		if len(set) > 0 {
			return where, set, nil
		}
	}
	return "", nil, nil
}

// verdict is what CAA records allow for one kind of certificate.
type verdict struct {
	allowed bool
	why     string // reason if not allowed
	tag     string // tag that decided; empty if no other CAA record would help
	account bool   // only one ACME account is allowed
}

// mayIssue evaluates a set of CAA records for one CA.
func mayIssue(set []CAA, ca string, wildcard bool) verdict {
	for _, r := range set {
		known := slices.Contains([]string{tagIssue, tagIssueWild, "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}, strings.ToLower(r.Tag))
		if r.Flags&caaCritical != 0 && !known {
			return verdict{why: fmt.Sprintf("the tag %q is unknown and marked critical, so no CA may issue", r.Tag)}
		}
	}
	tag := tagIssue
	if wildcard && slices.ContainsFunc(set, func(r CAA) bool { return strings.EqualFold(r.Tag, tagIssueWild) }) {
		tag = tagIssueWild
	}
	v := verdict{tag: tag}
	var others []string
	restricted := false
	for _, r := range set {
		if !strings.EqualFold(r.Tag, tag) {
			continue
		}
		restricted = true
		named, methods, account := parseIssuer(r.Value)
		switch {
		case named != ca:
			if named != "" && !slices.Contains(others, named) {
				others = append(others, named)
			}
		case len(methods) > 0 && !slices.Contains(methods, method):
			v.why = fmt.Sprintf("validationmethods allows %s, not %s", List(methods), method)
		default:
			v.account = account && (v.account || !v.allowed)
			v.allowed = true
		}
	}
	switch {
	case !restricted:
		return verdict{allowed: true, tag: tag}
	case v.allowed || v.why != "":
	case len(others) == 0:
		v.why = fmt.Sprintf("%s allows no CA", tag)
	default:
		v.why = fmt.Sprintf("%s names %s", tag, List(others))
	}
	return v
}

// parseIssuer splits the value of an issue or issuewild property.
func parseIssuer(value string) (issuer string, methods []string, account bool) {
	parts := strings.Split(value, ";")
	issuer = dnsname.TrimDot(strings.TrimSpace(parts[0]))
	for _, p := range parts[1:] {
		tag, v, _ := strings.Cut(p, "=")
		switch strings.ToLower(strings.TrimSpace(tag)) {
		case caaMethods:
			for m := range strings.SplitSeq(v, ",") {
				methods = append(methods, strings.ToLower(strings.TrimSpace(m)))
			}
		case caaAccount:
			account = true
		}
	}
	return issuer, methods, account
}
