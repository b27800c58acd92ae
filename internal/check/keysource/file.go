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
		return "", &Error{Fault: fmt.Sprintf("API key file %s not found.", f.Path), Remedy: "Name another one with --api-key-file."}
	case errors.Is(err, fs.ErrPermission):
		return "", &Error{Fault: fmt.Sprintf("API key file %s is not readable: permission denied.", f.Path), Remedy: "Give the user that runs the check read access."}
	case err != nil:
		return "", &Error{Fault: fmt.Sprintf("Cannot read API key file %s.", f.Path), Remedy: "Name a regular file."}
	}
	key, err := apikey.Parse(string(held))
	return told(key, err, f.Origin(), f.From)
}
