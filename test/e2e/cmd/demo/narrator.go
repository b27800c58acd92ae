package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// narrator prints progress with timestamps.
type narrator struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func newNarrator(out io.Writer) *narrator { return &narrator{out: out, start: time.Now()} }

// step prints a step that is about to start.
func (n *narrator) step(format string, args ...any) { n.line("▸ ", format, args...) }

// detail prints an event of the current step.
func (n *narrator) detail(format string, args ...any) { n.line("    ", format, args...) }

func (n *narrator) line(mark, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, _ = fmt.Fprintf(n.out, "%6.1fs  %s%s\n", time.Since(n.start).Seconds(), mark, fmt.Sprintf(format, args...))
}
