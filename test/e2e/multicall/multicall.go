// Package multicall is for one file that is several programs: to link one is a matter of seconds, and they share most of
// their code.
package multicall

import (
	"fmt"
	"os"
	"path/filepath"
)

// Run runs the program by whose name this process was started.
func Run(programs map[string]func()) {
	name := filepath.Base(os.Args[0])
	program, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "there is no program %s in here\n", name)
		os.Exit(2)
	}
	program()
}
