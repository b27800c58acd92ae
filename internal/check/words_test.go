package check

import "testing"

func TestWithoutAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"not allowed from 203.0.113.7":      "not allowed from (an IP address)",
		"ip=203.0.113.7, port 443":          "ip=(an IP address), port 443",
		"address:203.0.113.7.":              "address:(an IP address).",
		"see https://203.0.113.7/x":         "see https://(an IP address)/x",
		"203.0.113.7,203.0.113.8":           "(an IP address),(an IP address)",
		"203.0.113.7:51234":                 "(an IP address)",
		"203.0.113.0/24":                    "(an IP address)",
		"from 2001:db8::7":                  "from (an IP address)",
		"from [2001:db8::7]:443":            "from [(an IP address)]:443",
		"from ::1":                          "from (an IP address)",
		"abc.de at 10:00:00 has 1.5 faults": "abc.de at 10:00:00 has 1.5 faults",
	} {
		if got := withoutAddresses(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
