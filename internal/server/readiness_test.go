package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
)

// TestReadinessBearsABlip: virtual time, a probe each second.
func TestReadinessBearsABlip(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		silent, hangs bool
		after         time.Duration
		ready         bool
	}{
		"it answers":                      {after: 5 * time.Minute, ready: true},
		"it has been silent for a moment": {silent: true, after: 15 * time.Second, ready: true},
		"it has hung for a moment":        {hangs: true, after: 15 * time.Second, ready: true},
		"it has been silent for too long": {silent: true, after: time.Minute},
		"it has hung for too long":        {hangs: true, after: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				changed, asked := false, 0
				var logged []string
				log := funcr.New(func(_, line string) { logged = append(logged, line) }, funcr.Options{})
				r := &reachability{log: log, ask: func(ctx context.Context) error {
					asked++
					switch {
					case changed && c.hangs:
						<-ctx.Done()
						return ctx.Err()
					case changed && c.silent:
						return errors.New("connection refused")
					}
					return nil
				}}
				probe := func() error {
					req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody)
					if err != nil {
						t.Fatal(err)
					}
					return r.Check(req)
				}
				if err := probe(); err != nil {
					t.Fatal(err)
				}
				changed = true
				var last error
				for begun := time.Now(); time.Since(begun) < c.after; <-time.After(time.Second) {
					last = probe()
				}
				if c.ready != (last == nil) {
					t.Errorf("after %s: %v", c.after, last)
				}
				if most := 1 + int(c.after/unreachableFor); asked > most {
					t.Errorf("the API was asked %d times", asked)
				}
				changed = false
				<-time.After(unreachableFor)
				if err := probe(); err != nil {
					t.Errorf("it answers again: %v", err)
				}
				lines := 2 // it is lost once, and comes back once
				if c.ready {
					lines = 0
				}
				if len(logged) != lines || lines > 0 && !strings.Contains(logged[0], "refused") && !strings.Contains(logged[0], "deadline") {
					t.Errorf("logged %q, want %d lines with the reason", logged, lines)
				}
			})
		})
	}
}
