package mijnhostcheck_test

import (
	"flag"
	"math/rand/v2"
)

// A run tries a random sample of the cases. Over many runs, every case is tried.
var all = flag.Bool("all", false, "try all cases instead of a sample") //nolint:gochecknoglobals // a flag of the test

// step is the distance between the cases of a sample of one in n.
func step(n int) int {
	if *all {
		return 1
	}
	return n
}

// first is the first case of a sample of one in n.
func first(n int) int { return rand.IntN(step(n)) }
