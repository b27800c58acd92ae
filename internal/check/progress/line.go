// Package progress shows on a terminal what a check is waiting for.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// plainPause is the minimum time between two lines if the output is not a terminal.
const plainPause = 30 * time.Second

// Line shows progress. On a terminal it overwrites itself; elsewhere it prints at most one line per plainPause.
// It is safe for concurrent use.
type Line struct {
	out      io.Writer
	terminal bool

	mu      sync.Mutex
	visible bool      // on the terminal
	written time.Time // elsewhere
}

// NewLine returns a Line on out.
func NewLine(out io.Writer) *Line { return &Line{out: out, terminal: isTerminal(out)} }

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Show replaces the line with words.
func (l *Line) Show(words string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.terminal {
		l.write("\r\x1b[K" + words)
		l.visible = true
		return
	}
	if now := time.Now(); now.Sub(l.written) >= plainPause {
		l.written = now
		l.write(words + "\n")
	}
}

// Say prints a line that stays.
func (l *Line) Say(words string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	l.write(words + "\n")
}

// Clear erases the line before other output to the same terminal.
func (l *Line) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

func (l *Line) erase() {
	if l.visible {
		l.write("\r\x1b[K")
		l.visible = false
	}
}

// write ignores errors: progress is not essential.
func (l *Line) write(text string) { _, _ = fmt.Fprint(l.out, text) }
