package binaries

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"
)

// Progress is called with the number of packages compiled so far, and the number that were out of date.
type Progress func(done, of int)

const (
	// patience is the time until the first report; a build without changes finishes earlier.
	patience = 3 * time.Second
	// interval is the time between two reports.
	interval = 10 * time.Second
)

// progress counts the package names that `go build -v` writes as it compiles them, and passes on the rest.
type progress struct {
	rest     io.Writer
	mu       sync.Mutex
	partial  []byte
	compiled int
}

func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.partial = append(p.partial, b...)
	for {
		end := bytes.IndexByte(p.partial, '\n') + 1
		if end == 0 {
			return len(b), nil
		}
		line := p.partial[:end]
		p.partial = p.partial[end:]
		if !bytes.ContainsAny(line, " \t") { // other messages have more than one word
			p.compiled++
		} else if _, err := p.rest.Write(line); err != nil {
			return len(b), err
		}
	}
}

func (p *progress) done() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.compiled
}

// report calls onProgress until ctx is done, if there is something to compile.
func (p *progress) report(ctx context.Context, onProgress Progress, stale func(context.Context) (int, error)) {
	if !sleep(ctx, patience) {
		return
	}
	before := p.done()
	left, err := stale(ctx)
	if err != nil {
		return // the build reports the same error
	}
	of := before + left
	for {
		if done := p.done(); done < of {
			onProgress(done, of)
		}
		if !sleep(ctx, interval) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
