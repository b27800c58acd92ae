package apikey_test

import (
	"errors"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apikey"
)

func TestParse_Quotes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"key"`, "'key'", "`key`", `""`, " \"key\"\n"} {
		if key, err := apikey.Parse(text); !errors.Is(err, apikey.ErrQuotes) || key != "" {
			t.Errorf("%q: got %q, %v, want ErrQuotes", text, key, err)
		}
	}
	for _, text := range []string{`"`, `"key`, `key'`, `k"e"y`, `'key"`} {
		if key, err := apikey.Parse(text); err != nil || key != text {
			t.Errorf("%q: got %q, %v, want it unchanged", text, key, err)
		}
	}
}
