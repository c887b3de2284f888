package submit

import (
	"hash/maphash"
	"iter"
)

// jobs finds jobs by a hash of their keys, which takes less memory than the keys. It is not
// safe for concurrent use.
type jobs struct {
	seed       maphash.Seed
	byHash     map[uint64]*job
	collisions map[string]*job // by key: jobs whose hash another job had before
}

func newJobs() jobs { return jobs{seed: maphash.MakeSeed(), byHash: make(map[uint64]*job)} }

func (js *jobs) find(key string) *job {
	if j := js.byHash[maphash.String(js.seed, key)]; j != nil && j.key() == key {
		return j
	}
	return js.collisions[key]
}

// add adds a job; there must be none with its key.
func (js *jobs) add(j *job) {
	hash := maphash.String(js.seed, j.key())
	if js.byHash[hash] == nil {
		js.byHash[hash] = j
		return
	}
	if js.collisions == nil {
		js.collisions = make(map[string]*job)
	}
	js.collisions[j.key()] = j
}

func (js *jobs) remove(j *job) {
	if hash := maphash.String(js.seed, j.key()); js.byHash[hash] == j {
		delete(js.byHash, hash)
		return
	}
	delete(js.collisions, j.key())
}

func (js *jobs) len() int { return len(js.byHash) + len(js.collisions) }

func (js *jobs) all() iter.Seq[*job] {
	return func(yield func(*job) bool) {
		for _, j := range js.byHash {
			if !yield(j) {
				return
			}
		}
		for _, j := range js.collisions {
			if !yield(j) {
				return
			}
		}
	}
}
