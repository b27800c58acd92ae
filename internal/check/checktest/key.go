package checktest

import "context"

// Key is a keysource.Source with a key.
type Key string

// Origin implements keysource.Source.
func (Key) Origin() string { return "the test" }

// Key implements keysource.Source.
func (k Key) Key(context.Context) (string, error) { return string(k), nil }
