package dnsname

import (
	"strings"
	"testing"
)

func TestIsSubdomain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone string
		want       bool
	}{
		{"example.nl", "example.nl", true},
		{"www.Example.nl.", "example.NL", true},
		{"notexample.nl", "example.nl", false},
		{"nl", "example.nl", false},
		{"example.nl.", ".", true},
		{"example.nl", "", false},
	} {
		if got := IsSubdomain(c.name, c.zone); got != c.want {
			t.Errorf("IsSubdomain(%q, %q): got %v", c.name, c.zone, got)
		}
	}
}

func TestParent(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"www.Example.nl.": "example.nl", "example.nl": "nl", "nl.": "", "": ""} {
		if got := Parent(name); got != want {
			t.Errorf("Parent(%q): got %q, want %q", name, got, want)
		}
	}
}

func TestToASCII(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"_acme-challenge.Bücher.nl.": "_acme-challenge.xn--bcher-kva.nl",
		"Example.NL":                 "example.nl",
		"bücher.xn--a.NL.":           "bücher.xn--a.nl", // "xn--a" is not valid Punycode
	} {
		if got := ToASCII(name); got != want {
			t.Errorf("ToASCII(%q): got %q, want %q", name, got, want)
		}
	}
}

func TestIsValid(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat(strings.Repeat("a", 62)+".", 4) + "a" // 253 characters
	for name, want := range map[string]bool{
		longest: true, longest + ".": true, longest + "a": false,
		strings.Repeat("a", 63) + ".nl": true, strings.Repeat("a", 64) + ".nl": false,
		"a-b.nl": true, "-ab.nl": false, "ab-.nl": false, "ab.-nl": false, "ab.nl-": false, "*.ab.nl": false, "_acme-challenge.ab.nl.": true,
	} {
		if got := IsValid(name); got != want {
			t.Errorf("IsValid(%q): got %v", name, got)
		}
	}
}

func TestLongestMatch_ComparesASCII(t *testing.T) {
	t.Parallel()
	// Both are the same zone. The Punycode form is longer, which must not make it the better match.
	zones := []string{"ééé.nl", "xn--9caaa.nl"}
	if got := LongestMatch(zones, "www.xn--9caaa.nl."); got != "ééé.nl" {
		t.Errorf("got %q, want the first form of the zone", got)
	}
}
