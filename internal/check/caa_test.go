package check

import (
	"strings"
	"testing"
)

func TestMayIssue(t *testing.T) {
	t.Parallel()
	const allowed, account = "allowed", "allowed for one account"
	for records, want := range map[string]struct{ plain, wildcard string }{
		`0 iodef mailto:x@example.nl`:                                  {allowed, allowed},
		`128 issue ca.test`:                                            {allowed, allowed},
		`64 novelty x`:                                                 {allowed, allowed}, // not the critical bit
		`128 novelty x`:                                                {`the tag "novelty" is unknown and marked critical, so no CA may issue`, `the tag "novelty" is unknown and marked critical, so no CA may issue`},
		`0 ISSUE CA.Test.`:                                             {allowed, allowed},
		`0 issue ;`:                                                    {"issue allows no CA", "issue allows no CA"},
		`0 issue other.test, 0 issue other.test`:                       {"issue names other.test", "issue names other.test"},
		`0 issue a.test, 0 issue b.test`:                               {"issue names a.test and b.test", "issue names a.test and b.test"},
		`0 issue other.test, 0 issue ca.test`:                          {allowed, allowed},
		`0 issue other.test, 0 IssueWild ca.test`:                      {"issue names other.test", allowed},
		`0 issue ca.test, 0 issuewild other.test`:                      {allowed, "issuewild names other.test"},
		`0 issuewild ;`:                                                {allowed, "issuewild allows no CA"},
		`0 issue ca.test; accounturi=x`:                                {account, account},
		`0 issue ca.test; accounturi=x, 0 issue ca.test`:               {allowed, allowed},
		`0 issue ca.test, 0 issue ca.test; accounturi=x`:               {allowed, allowed},
		`0 issue ca.test; accounturi=x, 0 issue ca.test; AccountURI=y`: {account, account},
		`128 IODEF x, 128 issuemail x, 128 issuevmc x, 128 contactemail x, 128 contactphone x`: {allowed, allowed},
		`0 issue ca.test ; validationmethods=dns-01 ; accounturi=x`:                            {account, account},
		`0 issue other.test, 0 issue ca.test; validationmethods=http-01`:                       {"validationmethods allows http-01, not dns-01", "validationmethods allows http-01, not dns-01"},
		`0 issue ca.test; validationmethods=http-01/DNS-01`:                                    {allowed, allowed},
		`0 issue ca.test; validationmethods=http-01/tls-alpn-01`:                               {"validationmethods allows http-01 and tls-alpn-01, not dns-01", "validationmethods allows http-01 and tls-alpn-01, not dns-01"},
	} {
		var set []CAA
		for text := range strings.SplitSeq(records, ", ") {
			fields := strings.SplitN(text, " ", 3)
			flags := map[string]uint8{"0": 0, "64": 64, "128": 128}[fields[0]]
			set = append(set, CAA{Flags: flags, Tag: fields[1], Value: strings.ReplaceAll(fields[2], "/", ",")})
		}
		for wildcard, want := range map[bool]string{false: want.plain, true: want.wildcard} {
			v := mayIssue(set, "ca.test", wildcard)
			got := v.why
			switch {
			case v.allowed && v.account:
				got = account
			case v.allowed:
				got = allowed
			}
			if got != want {
				t.Errorf("%s, wildcard %v: got %s, want %s", records, wildcard, got, want)
			}
		}
	}
}
