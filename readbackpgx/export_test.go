package readbackpgx

// For the tests of this package.
var (
	Ends         = ends
	IsTry        = isTry
	BeforeCommit = beforeCommit
	AfterCommit  = afterCommit
	Tell         = tell
)

// WrittenOf returns a reference as a write makes it.
func WrittenOf[K any](key K, doubt string) Written[K] {
	return Written[K]{
		Key: key, doubt: doubt,
		tx: transaction{ID: 1<<63 + 1, System: "7713788651049915025", Timeline: "0000000A", Recovery: "1796006376799759", Checkpoint: "0/2000060", Loose: true},
		at: position{"7713788651049915025", "0000000A", "16/B374D848"},
	}
}

// BehindOf says why a standby that says these things of itself is not at the position.
func BehindOf(recovering, reached, receives bool, system, own, receiving, noted string) string {
	r := replica{recovering: recovering, reached: reached, receives: receives, system: system, timeline: own, noted: noted, notedReached: noted != ""}
	if receiving != "" {
		r.receiving = &receiving
	}
	return r.behind(position{"s", "00000001", "0/1"})
}
