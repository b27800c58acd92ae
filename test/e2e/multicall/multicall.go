// Package multicall combines several programs into one file, which links faster because they share most of their code.
package multicall

import (
	"fmt"
	"os"
	"path/filepath"
)

// Run runs the program that the name of this process selects.
func Run(programs map[string]func()) {
	name := filepath.Base(os.Args[0])
	program, ok := programs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown program %s\n", name)
		os.Exit(2)
	}
	program()
}
