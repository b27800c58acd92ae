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
	// From says where to get a key.
	From string
}

// Origin names the file.
func (f File) Origin() string { return "the file " + f.Path }

// Key reads the file.
func (f File) Key(context.Context) (string, error) {
	held, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &Error{Fault: fmt.Sprintf("API key file %s not found.", f.Path), Remedy: "Check the path in --api-key-file."}
	case errors.Is(err, fs.ErrPermission):
		return "", &Error{Fault: fmt.Sprintf("API key file %s is not readable: permission denied.", f.Path), Remedy: "Make the file readable for the current user."}
	case err != nil:
		return "", &Error{Fault: fmt.Sprintf("Cannot read API key file %s.", f.Path), Remedy: "--api-key-file must be a regular file."}
	}
	key, err := apikey.Parse(string(held))
	return withFix(key, err, f.Origin(), f.From)
}
