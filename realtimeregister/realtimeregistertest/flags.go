package realtimeregistertest

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// Flags defines a flag for each reading.
func Flags(f *flag.FlagSet, o *Options) {
	for _, c := range choices() {
		usage := fmt.Sprintf("%s: %#q (default %s)", c.usage, strings.Join(c.words, "|"), c.words[*c.value(o)])
		f.Func(c.name, usage, func(word string) error {
			i := slices.Index(c.words, word)
			if i < 0 {
				return fmt.Errorf("must be one of %s", strings.Join(c.words, ", "))
			}
			*c.value(o) = i
			return nil
		})
	}
	f.BoolVar(&o.ShowTemplate, "show-template", o.ShowTemplate, "a linked zone shows the records of its template")
	f.BoolVar(&o.ForbiddenEmpty, "forbidden-empty", o.ForbiddenEmpty, "a 403 has no body")
	f.DurationVar(&o.EffectDelay, "effect-delay", o.EffectDelay, "how long until an update takes effect")
	f.IntVar(&o.MinTTL, "min-ttl", o.MinTTL, "the minimum TTL of a record")
	f.DurationVar(&o.StaleReads, "stale-reads", o.StaleReads, "how old the zones are that GET shows")
	f.IntVar(&o.StaleReadBacks, "stale-read-backs", o.StaleReadBacks, "how many GETs of a zone after a write are stale")
	f.DurationVar(&o.ShortAfterWrite, "short-after-write", o.ShortAfterWrite, "how long after a write GET shows half of the records")
	f.DurationVar(&o.AbsentAfterWrite, "absent-after-write", o.AbsentAfterWrite, "how long after a write GET shows no records")
	f.DurationVar(&o.DNSLag, "dns-lag", o.DNSLag, "how old the zones are that DNS serves")
	f.DurationVar(&o.Latency, "latency", o.Latency, "how long every response takes")
}
