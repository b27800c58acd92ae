package realtimeregister

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// notes are stored in the Lease of a zone for its next holder.
type notes struct {
	// Newest is the newest sign that any process has read.
	Newest sign `json:"newest,omitzero"`
	// Wrote is the last confirmed update.
	Wrote *wrote `json:"wrote,omitempty"`
	// Pending is an update that was perhaps sent, and is not confirmed.
	Pending *pending `json:"pending,omitempty"`
	// Cleaned are recently cleaned up values, which no process may restore.
	Cleaned []cleaned `json:"cleaned,omitempty"`
}

type wrote struct {
	At   time.Time `json:"at"`
	Sign sign      `json:"sign"`
	Hash string    `json:"hash"`
}

type pending struct {
	At   time.Time `json:"at"`
	Hash string    `json:"hash"`
	// Adds are fingerprints of some values that it adds. A read that shows them all confirms the update.
	Adds []string `json:"adds,omitempty"`
	// Cause is why it is not confirmed, in constant words.
	Cause string `json:"cause,omitempty"`
}

type cleaned struct {
	At          time.Time `json:"at"`
	Fingerprint string    `json:"value"`
}

const (
	rememberCleaned = 15 * time.Minute // longer than presented values are remembered
	maxCleaned      = 1000
	maxAdds         = 5
)

// parseNotes decodes notes. It returns empty notes if they are malformed.
func parseNotes(text string) notes {
	var n notes
	if json.Unmarshal([]byte(text), &n) != nil {
		return notes{}
	}
	return n
}

// String encodes the notes for the Lease.
func (n *notes) String() string {
	text, err := json.Marshal(n)
	if err != nil {
		return "" // times beyond the year 9999
	}
	return string(text)
}

func (e entry) fingerprint() string { return dnshost.Fingerprint(e.name + " " + e.value) }

func (n *notes) markCleaned(e entry) {
	one := cleaned{time.Now(), e.fingerprint()}
	n.Cleaned = slices.DeleteFunc(slices.Clone(n.Cleaned), func(c cleaned) bool {
		return one.At.Sub(c.At) > rememberCleaned || c.Fingerprint == one.Fingerprint
	})
	n.Cleaned = append(n.Cleaned, one)
	n.Cleaned = n.Cleaned[max(0, len(n.Cleaned)-maxCleaned):]
}

// cleanedSince reports whether a value was cleaned up after since.
func (n *notes) cleanedSince(e entry, since time.Time) bool {
	if len(n.Cleaned) == 0 {
		return false
	}
	fingerprint := e.fingerprint()
	return slices.ContainsFunc(n.Cleaned, func(c cleaned) bool { return c.Fingerprint == fingerprint && c.At.After(since) })
}

func (p *pending) isSeenIn(z *Zone) bool {
	if z.hash == p.Hash {
		return true
	}
	if len(p.Adds) == 0 {
		return false
	}
	shown := map[string]bool{}
	for _, r := range z.Records {
		if r.typ == "TXT" {
			shown[entry{r.name, r.content}.fingerprint()] = true
		}
	}
	return !slices.ContainsFunc(p.Adds, func(f string) bool { return !shown[f] })
}
