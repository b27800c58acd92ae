package realtimeregistertest

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// Flags makes every reading of the options a flag, for a process that plays the
// API.
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
	f.DurationVar(&o.EffectDelay, "effect-delay", o.EffectDelay, "an update takes effect so much later")
	f.IntVar(&o.MinTTL, "min-ttl", o.MinTTL, "the smallest TTL of a record that is taken")
	f.DurationVar(&o.StaleReads, "stale-reads", o.StaleReads, "a GET shows zones as they were that long ago")
	f.IntVar(&o.StaleReadBacks, "stale-read-backs", o.StaleReadBacks, "so many GETs of a zone after a write are stale")
	f.DurationVar(&o.ShortAfterWrite, "short-after-write", o.ShortAfterWrite, "for that long after a write a GET shows half of the records")
	f.DurationVar(&o.AbsentAfterWrite, "absent-after-write", o.AbsentAfterWrite, "for that long after a write a GET shows no records")
	f.DurationVar(&o.DNSLag, "dns-lag", o.DNSLag, "DNS serves zones as they were that long ago")
	f.DurationVar(&o.Latency, "latency", o.Latency, "every answer takes that long")
}
