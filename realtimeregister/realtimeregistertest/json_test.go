package realtimeregistertest

import "testing"

func TestCanonical(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":"x"}`, ` { "b" : "\u0078", "a" : 1.0 } `, true},
		{`300`, `3e2`, true},
		{`300`, `"300"`, false},
		{`12345678901234567890`, `12345678901234567891`, false},
		{`1e999999999`, `1e999999999`, true},
		{`{"a":null}`, `{}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`"é"`, `"\u00e9"`, true},
	} {
		if same := canonical([]byte(c.a)) == canonical([]byte(c.b)); same != c.same {
			t.Errorf("%s and %s: got equal %v", c.a, c.b, same)
		}
	}
}

func TestWithString(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, want string }{
		{`{ "x" : {"name":"in"} , "name" :"a" , "n":1.0}`, `{ "x" : {"name":"in"} , "name" :"<b>" , "n":1.0}`},
		{`{"n":1}`, `{"n":1}`},
		{`[]`, `[]`},
	} {
		if got := string(withString([]byte(c.raw), "name", "<b>")); got != c.want {
			t.Errorf("got %s", got)
		}
	}
}
