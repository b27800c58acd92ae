package apikey_test

import (
	"errors"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apikey"
)

func TestInSecret(t *testing.T) {
	t.Parallel()
	for held, want := range map[string]error{
		"key": nil, " \tkey\r\n\n": nil, "~!": nil,
		"": apikey.ErrEmpty, " \n": apikey.ErrEmpty,
		"a b": apikey.ErrCharacters, "a\nb": apikey.ErrCharacters, "sleutël": apikey.ErrCharacters, "a\x7f": apikey.ErrCharacters, "\xff": apikey.ErrCharacters,
	} {
		key, err := apikey.InSecret(map[string][]byte{"entry": []byte(held)}, "entry")
		if !errors.Is(err, want) || (key == "") != (want != nil) {
			t.Errorf("%q: got %q, %v, want %v", held, key, err, want)
		}
	}
	if _, err := apikey.InSecret(map[string][]byte{"other": []byte("key")}, "entry"); !errors.Is(err, apikey.ErrMissing) {
		t.Errorf("another entry: got %v, want ErrMissing", err)
	}
}
