package readbackgrpc

import "sync/atomic"

// Stats is what an [Interceptor] has done since it was made.
type Stats struct {
	Remembered uint64 // names of what was written
	Unnamed    uint64 // writes of which no name could be learned, whose reads are not held
	Held       uint64 // reads that were held
	Shown      uint64 // those of them that showed the write in the end
	Polls      uint64 // calls that were made again
}

// Stats returns what i has done until now.
func (i *Interceptor) Stats() Stats {
	return Stats{
		Remembered: i.counts.remembered.Load(),
		Unnamed:    i.counts.unnamed.Load(),
		Held:       i.counts.held.Load(),
		Shown:      i.counts.shown.Load(),
		Polls:      i.counts.polls.Load(),
	}
}

type counts struct{ remembered, unnamed, held, shown, polls atomic.Uint64 }
