// Package progress shows what a check waits for.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// plainPause is the least time between two lines where they do not replace one another.
const plainPause = 30 * time.Second

// Line is a line that changes as time goes by. On a terminal it stands in one place; elsewhere it is written
// anew, and seldom. It may be used by many goroutines.
type Line struct {
	out      io.Writer
	terminal bool

	mu      sync.Mutex
	stands  bool      // on the terminal
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

// Show makes words the line. Elsewhere than on a terminal the first ones after a pause are written.
func (l *Line) Show(words string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.terminal {
		l.write("\r\x1b[K" + words)
		l.stands = true
		return
	}
	if now := time.Now(); now.Sub(l.written) >= plainPause {
		l.written = now
		l.write(words + "\n")
	}
}

// Say writes words that stay.
func (l *Line) Say(words string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	l.write(words + "\n")
}

// Clear takes the line away, to make room for something else on the same terminal.
func (l *Line) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

func (l *Line) erase() {
	if l.stands {
		l.write("\r\x1b[K")
		l.stands = false
	}
}

// write does not care whether anybody reads it.
func (l *Line) write(text string) { _, _ = fmt.Fprint(l.out, text) }
