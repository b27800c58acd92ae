package mijnhostcheck

// Behaviour is what the probe measured of the API, which mijn.host does not document. A field is empty if the measurement was
// inconclusive.
type Behaviour struct {
	// PatchSecondValue is what PATCH does if the RRset has another value: "adds", "replaces" or "fails".
	PatchSecondValue string `json:"patchSecondValue,omitempty"`
	// PatchSameValue is what PATCH does if the RRset has the same value: "keeps", "duplicates" or "fails".
	PatchSameValue string `json:"patchSameValue,omitempty"`
	// DeleteAbsent is the result of a DELETE of a missing record: "succeeds" or "fails".
	DeleteAbsent string `json:"deleteAbsent,omitempty"`
	// DeleteAbsentStatus is the HTTP status if it fails.
	DeleteAbsentStatus int `json:"deleteAbsentStatus,omitempty"`
	// DeleteMatches is the form of a record's name that DELETE accepts: "any-form", or only "as-shown" by a GET.
	DeleteMatches string `json:"deleteMatches,omitempty"`
	// DeleteCopies is how many duplicates of a record one DELETE removes: "one" or "all". It is empty if duplicates cannot exist.
	DeleteCopies string `json:"deleteCopies,omitempty"`
	// Names is the form of names in a GET: "absolute", "absolute-without-dot", "relative" or "as-written".
	Names string `json:"names,omitempty"`
	// Values is the form of TXT values in a GET: "bare" or "quoted".
	Values string `json:"values,omitempty"`
	// TTLSent and TTLShown are the TTL written and the TTL in a GET, in seconds.
	TTLSent  int `json:"ttlSent,omitempty"`
	TTLShown int `json:"ttlShown,omitempty"`
	// Reads is the consistency of reads after a write.
	Reads Reads `json:"reads"`
}

// Reads is the consistency of reads after a write. Times are in seconds, the maximum of all writes, and exact to the pause between
// reads: a second or two.
type Reads struct {
	// SettledAfter is the time from a write until all further reads show it; nil if no read shows it.
	SettledAfter *float64 `json:"settledAfter"`
	// StaleFor is the time from a write to the last stale read.
	StaleFor float64 `json:"staleFor"`
	// Disagree reports whether a read showed a write and a later one did not.
	Disagree bool `json:"disagree"`
	// Incomplete reports whether reads after a write omit other records: "no", "short" (some) or "empty" (all). It is empty if the zone
	// has no other records.
	Incomplete string `json:"incomplete,omitempty"`
	// IncompleteFor is the time from a write to the last such read.
	IncompleteFor float64 `json:"incompleteFor,omitempty"`
}
