package apikey

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

// File is a key in a file, which its path names.
type File string

// Origin names the file.
func (f File) Origin() string { return "the file " + string(f) }

// Key reads the file.
func (f File) Key(context.Context) (string, error) {
	held, err := os.ReadFile(string(f))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &check.KeyError{Fault: fmt.Sprintf("The file %s with the API key does not exist.", f), Remedy: "Name another one with --api-key-file."}
	case errors.Is(err, fs.ErrPermission):
		return "", &check.KeyError{Fault: fmt.Sprintf("The file %s with the API key may not be read.", f), Remedy: "Let the user who runs the check read it."}
	case err != nil:
		return "", &check.KeyError{Fault: fmt.Sprintf("The file %s with the API key cannot be read.", f), Remedy: "See that it is a file."}
	}
	return cleaned(string(held), f.Origin())
}
