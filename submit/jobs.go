package submit

import (
	"hash/maphash"
	"iter"
)

// jobs finds jobs by their keys, by a hash of those: that takes less room than
// the keys. It is not safe for concurrent use.
type jobs struct {
	seed  maphash.Seed
	first map[uint64]*job
	more  map[string]*job // whose hash was another's already
}

func newJobs() jobs { return jobs{seed: maphash.MakeSeed(), first: make(map[uint64]*job)} }

func (js *jobs) find(key string) *job {
	if j := js.first[maphash.String(js.seed, key)]; j != nil && j.key() == key {
		return j
	}
	return js.more[key]
}

// add expects that there is none with its key.
func (js *jobs) add(j *job) {
	hash := maphash.String(js.seed, j.key())
	if js.first[hash] == nil {
		js.first[hash] = j
		return
	}
	if js.more == nil {
		js.more = make(map[string]*job)
	}
	js.more[j.key()] = j
}

func (js *jobs) remove(j *job) {
	if hash := maphash.String(js.seed, j.key()); js.first[hash] == j {
		delete(js.first, hash)
		return
	}
	delete(js.more, j.key())
}

func (js *jobs) len() int { return len(js.first) + len(js.more) }

func (js *jobs) all() iter.Seq[*job] {
	return func(yield func(*job) bool) {
		for _, j := range js.first {
			if !yield(j) {
				return
			}
		}
		for _, j := range js.more {
			if !yield(j) {
				return
			}
		}
	}
}
