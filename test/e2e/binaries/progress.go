package binaries

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"
)

// Progress is told now and then how many packages have been compiled, of how many that were not up to date.
type Progress func(done, of int)

const (
	// patience with a build until somebody wants to know how far it is; when all is up to date it is done earlier.
	patience = 3 * time.Second
	// interval between two reports.
	interval = 10 * time.Second
)

// progress counts the names of packages, which `go build -v` writes as it compiles them, and passes on the rest.
type progress struct {
	rest     io.Writer
	mu       sync.Mutex
	unended  []byte
	compiled int
}

func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unended = append(p.unended, b...)
	for {
		end := bytes.IndexByte(p.unended, '\n') + 1
		if end == 0 {
			return len(b), nil
		}
		line := p.unended[:end]
		p.unended = p.unended[end:]
		if !bytes.ContainsAny(line, " \t") { // Whatever else Go says is more than a word.
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

// report tells of the progress with some packages until ctx is done.
func (p *progress) report(ctx context.Context, tell Progress, stale func(context.Context) (int, error)) {
	if !sleep(ctx, patience) {
		return
	}
	before := p.done()
	left, err := stale(ctx)
	if err != nil {
		return // The build itself has the same error to tell.
	}
	of := before + left
	for {
		if done := p.done(); done < of {
			tell(done, of)
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
