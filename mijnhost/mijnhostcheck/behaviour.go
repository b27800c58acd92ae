package mijnhostcheck

// Behaviour is what was measured of the API on the probe record. Its documentation does not tell these
// things. A field is empty where the measurement was inconclusive.
type Behaviour struct {
	// PatchSecondValue is what PATCH does beside a value of the same name and type: "adds", "replaces" or "fails".
	PatchSecondValue string `json:"patchSecondValue,omitempty"`
	// PatchSameValue is what PATCH does about a value that is there already: "keeps", "duplicates" or "fails".
	PatchSameValue string `json:"patchSameValue,omitempty"`
	// DeleteAbsent is the answer to a DELETE of a record that is not there: "succeeds" or "fails".
	DeleteAbsent string `json:"deleteAbsent,omitempty"`
	// DeleteAbsentStatus is the HTTP status of a DELETE that failed.
	DeleteAbsentStatus int `json:"deleteAbsentStatus,omitempty"`
	// DeleteMatches is how DELETE must name a record: in "any-form", or "as-shown" by a GET.
	DeleteMatches string `json:"deleteMatches,omitempty"`
	// DeleteCopies is how many of several copies of a record one DELETE removes: "one" or "all".
	// It is empty where there can be no copies.
	DeleteCopies string `json:"deleteCopies,omitempty"`
	// Names is the form in which a GET shows names: "absolute", "as-written" or "relative". It is
	// "absolute-without-dot" for absolute names without the final dot.
	Names string `json:"names,omitempty"`
	// Values is the form in which a GET shows TXT values: "bare" or "quoted".
	Values string `json:"values,omitempty"`
	// TTLSent and TTLShown are the TTL in seconds that was written and the one that a GET shows.
	TTLSent  int `json:"ttlSent,omitempty"`
	TTLShown int `json:"ttlShown,omitempty"`
	// Reads is how reads follow writes.
	Reads Reads `json:"reads"`
}

// Reads tells how reads of the zone follow writes; times are in seconds and the longest of all
// writes. A time is exact to a second or two, the pause between reads.
type Reads struct {
	// SettledAfter is how long after a write all further reads showed it; nil if no write was ever shown.
	SettledAfter *float64 `json:"settledAfter"`
	// StaleFor is the age of the last read that showed the zone as it was before the write.
	StaleFor float64 `json:"staleFor"`
	// Disagree tells that a read showed a write and a later one did not.
	Disagree bool `json:"disagree"`
	// Incomplete is "no", or what a read after a write left out of the other records of the zone:
	// "short" for some and "empty" for all. It is empty if the zone has no other records to tell by.
	Incomplete string `json:"incomplete,omitempty"`
	// IncompleteFor is the age of the last such read.
	IncompleteFor float64 `json:"incompleteFor,omitempty"`
}
