package keysource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apikey"
)

// File is a key in a file.
type File struct {
	Path string
	// From is where people get the key.
	From string
}

// Origin names the file.
func (f File) Origin() string { return "the file " + f.Path }

// Key reads the file.
func (f File) Key(context.Context) (string, error) {
	held, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &Error{Fault: fmt.Sprintf("The file %s with the API key does not exist.", f.Path), Remedy: "Name another one with --api-key-file."}
	case errors.Is(err, fs.ErrPermission):
		return "", &Error{Fault: fmt.Sprintf("The file %s with the API key may not be read.", f.Path), Remedy: "Let the user who runs the check read it."}
	case err != nil:
		return "", &Error{Fault: fmt.Sprintf("The file %s with the API key cannot be read.", f.Path), Remedy: "See that it is a file."}
	}
	key, err := apikey.Parse(string(held))
	return told(key, err, f.Origin(), f.From)
}
