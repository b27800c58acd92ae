package server

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

// TestReadiness_ShortOutage probes every second.
func TestReadiness_ShortOutage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refuses, hangs bool
		after          time.Duration
		ready          bool
	}{
		"reachable":            {after: 5 * time.Minute, ready: true},
		"refused for 15 s":     {refuses: true, after: 15 * time.Second, ready: true},
		"hangs for 15 s":       {hangs: true, after: 15 * time.Second, ready: true},
		"refused for a minute": {refuses: true, after: time.Minute},
		"hangs for a minute":   {hangs: true, after: time.Minute},
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
					case changed && c.refuses:
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
				for start := time.Now(); time.Since(start) < c.after; <-time.After(time.Second) {
					last = probe()
				}
				if c.ready != (last == nil) {
					t.Errorf("after %s: got %v, want ready %v", c.after, last, c.ready)
				}
				most := 1 + int(c.after/unreachableFor)
				if !c.refuses && !c.hangs {
					most = 1 + int(c.after/reachableFor)
				}
				if asked > most {
					t.Errorf("got %d requests, want at most %d", asked, most)
				}
				changed = false
				<-time.After(unreachableFor)
				if err := probe(); err != nil {
					t.Errorf("reachable again: got %v, want ready", err)
				}
				lines := 2 // not ready, ready again
				if c.ready {
					lines = 0
				}
				if len(logged) != lines || lines > 0 && !strings.Contains(logged[0], "refused") && !strings.Contains(logged[0], "deadline") {
					t.Errorf("got log %q, want %d lines with the reason", logged, lines)
				}
			})
		})
	}
}

// The request to the API continues after the probe disconnects, because the next probe uses its result.
func TestReadiness_ProbeDisconnects(t *testing.T) {
	t.Parallel()
	ctx, disconnect := context.WithCancel(t.Context())
	disconnect()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "/readyz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r := &reachability{log: logr.Discard(), ask: func(ctx context.Context) error { return ctx.Err() }}
	if err := r.Check(req); err != nil {
		t.Error(err)
	}
}

func TestReadiness_FrontProxyCA(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		if err := frontProxyKnown(ca{known: known}).Check(nil); (err == nil) != known {
			t.Errorf("known %v: got %v", known, err)
		}
	}
}

// ca is a CA that may not be loaded yet.
type ca struct {
	dynamiccertificates.CAContentProvider
	known bool
}

func (c ca) VerifyOptions() (x509.VerifyOptions, bool) { return x509.VerifyOptions{}, c.known }
