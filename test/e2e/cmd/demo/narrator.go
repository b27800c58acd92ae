package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// narrator tells what happens and when.
type narrator struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func newNarrator(out io.Writer) *narrator { return &narrator{out: out, start: time.Now()} }

// step is something that is about to be done.
func (n *narrator) step(format string, args ...any) { n.line("▸ ", format, args...) }

// detail is something that has happened during a step.
func (n *narrator) detail(format string, args ...any) { n.line("    ", format, args...) }

func (n *narrator) line(mark, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, _ = fmt.Fprintf(n.out, "%6.1fs  %s%s\n", time.Since(n.start).Seconds(), mark, fmt.Sprintf(format, args...))
}
