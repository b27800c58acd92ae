package dnsname

import (
	"slices"
	"strings"
	"testing"
)

func TestQualify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, domain, want string }{
		{"www.example.nl.", "example.nl", "www.example.nl."},
		{"WWW.Example.NL.", "example.nl", "www.example.nl."},
		{"www.example.nl", "example.nl", "www.example.nl."},
		{"www", "example.nl", "www.example.nl."},
		{"a.b", "example.nl", "a.b.example.nl."},
		{"@", "example.nl", "example.nl."},
		{"", "example.nl", "example.nl."},
		{"example.nl", "example.nl", "example.nl."},
		{"notexample.nl", "example.nl", "notexample.nl.example.nl."},
		{"*.www", "example.nl.", "*.www.example.nl."},
	} {
		if got := Qualify(c.name, c.domain); got != c.want {
			t.Errorf("Qualify(%q, %q): got %q, want %q", c.name, c.domain, got, c.want)
		}
	}
}

func TestIsDomain(t *testing.T) {
	t.Parallel()
	for _, valid := range []string{"example.nl", "sub.example.nl", "xn--bcher-kva.example", "_dmarc.example.nl", "1.2.nl"} {
		if !IsDomain(valid) {
			t.Errorf("IsDomain(%q): got false", valid)
		}
	}
	for _, invalid := range []string{
		"", ".", "..", "nl", "example..nl", ".example.nl", "example.nl.", "../domains", "example.nl/../other.nl", "example.nl?x=y", "example.nl#x",
		"example.nl%2f", "exa mple.nl", "example.nl\n", "user@example.nl", "example.nl:80", "EXAMPLE.nl", "exämple.nl", `example\.nl`,
		strings.Repeat("a", 64) + ".nl", strings.Repeat("a.", 127) + "nl",
	} {
		if IsDomain(invalid) {
			t.Errorf("IsDomain(%q): got true", invalid)
		}
	}
}

func TestLongestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zones []string
		name  string
		want  string
	}{
		{[]string{"example.nl", "sub.example.nl"}, "_acme-challenge.sub.example.nl.", "sub.example.nl"},
		{[]string{"sub.example.nl", "example.nl"}, "_acme-challenge.example.nl.", "example.nl"},
		{[]string{"Example.NL."}, "www.example.nl.", "Example.NL"},
		{[]string{"ample.nl"}, "www.example.nl.", ""},
		{[]string{"bücher.nl", "nl"}, "www.xn--bcher-kva.nl.", "bücher.nl"},
		{[]string{"xn--bcher-kva.nl"}, "www.bücher.nl", "xn--bcher-kva.nl"},
		{[]string{"Straße.nl"}, "xn--strae-oqa.nl.", "Straße.nl"},
		{nil, "example.nl.", ""},
	} {
		if got := LongestMatch(c.zones, c.name); got != c.want {
			t.Errorf("LongestMatch(%q, %q): got %q, want %q", c.zones, c.name, got, c.want)
		}
	}
}

// FuzzLongestMatch checks that the result is the longest domain that contains the name.
func FuzzLongestMatch(f *testing.F) {
	f.Add("example.nl,sub.example.nl,ample.nl", "_acme-challenge.sub.example.nl.")
	f.Add("nl,example.nl", "example.nl.")
	f.Add(".,..,", ".")
	f.Fuzz(func(t *testing.T, list, name string) {
		domains := slices.DeleteFunc(strings.Split(list, ","), func(d string) bool { return !IsDomain(ToASCII(d)) })
		got, ascii := LongestMatch(domains, name), ToASCII(name)
		if got != "" && (!IsSubdomain(ascii, ToASCII(got)) || !slices.ContainsFunc(domains, func(d string) bool { return strings.TrimSuffix(d, ".") == got })) {
			t.Errorf("LongestMatch(%q, %q) is %q, which does not contain the name or is not in the list", domains, name, got)
		}
		for _, d := range domains {
			if d = ToASCII(d); IsSubdomain(ascii, d) && len(d) > len(ToASCII(got)) {
				t.Errorf("LongestMatch(%q, %q) is %q, but %q is longer", domains, name, got, d)
			}
		}
	})
}

// FuzzQualify checks that Qualify returns an absolute name and leaves it unchanged when applied again.
func FuzzQualify(f *testing.F) {
	f.Add("www", "example.nl")
	f.Add("Example.NL.", "example.nl")
	f.Fuzz(func(t *testing.T, name, domain string) {
		once := Qualify(name, domain)
		if again := Qualify(once, domain); again != once {
			t.Errorf("Qualify(%q, %q) is %q, applied again %q", name, domain, once, again)
		}
		if !strings.HasSuffix(once, ".") {
			t.Errorf("Qualify(%q, %q) is %q, without a dot", name, domain, once)
		}
	})
}
