package submit

import (
	"errors"
	"math"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// job is one that this term holds. It is in a queue, or some goroutine works on
// it alone; only its key, its data and more may be looked at besides. There may
// be a million of them, so every field counts.
type job struct {
	text     string // the key, and then the payload as JSON
	handle   consistency.Pending
	course   consistency.Course
	revision uint64        // of the record; zero if there is none as far as is known
	intent   int64         // Unix time in nanoseconds
	due      time.Duration // on the term's clock
	more     *more         // nil if there is nothing in it; guarded by the term's mutex
	sent     uint32        // when it was first sent, in ms since the intent, and one more; 0 if never
	version  uint16        // of the payload
	keyed    uint8         // how much of text is the key
	state    state
	tries    uint16 // proven not to have been carried out; it stops at the greatest
	flags    jobFlags
}

type jobFlags uint8

const (
	resumed jobFlags = 1 << iota // it was sent by another term
	called                       // Write was, since the record says that it is being sent
	unsure                       // the store told nothing of a change, which may have been made
	stuck                        // never sent again: the store takes no record of it, or it is read once more
	resends                      // it waits among the writes, to be sent again
)

func newJob(key string, data []byte, intent int64) *job {
	return &job{text: key + string(data), keyed: uint8(len(key)), intent: intent}
}

func (j *job) key() string  { return j.text[:j.keyed] }
func (j *job) data() string { return j.text[j.keyed:] }

func (j *job) has(one jobFlags) bool { return j.flags&one != 0 }

// sentAt returns when the job was first sent, or else its intent, in nanoseconds.
// It is never too late: whoever counts from it counts enough.
func (j *job) sentAt() int64 {
	return j.intent + max(int64(j.sent)-1, 0)*int64(time.Millisecond)
}

// sentNow notes that the job is sent at a time, unless it was before.
func (j *job) sentNow(now int64) {
	if j.sent == 0 {
		j.sent = uint32(min(max((now-j.intent)/int64(time.Millisecond), 0)+1, math.MaxUint32))
	}
}

// more is what a job has that somebody waits for, or that has ended, or that has
// something unusual.
type more struct {
	over    chan struct{} // closed when the job has ended, or is no longer held
	stored  chan struct{} // closed when the intent is recorded
	known   bool          // stored is closed
	closed  bool          // over is
	end     *jobRecord    // nil before
	err     error         // of the outcome
	written any           // the reference, if a record cannot carry it
	doubt   error         // of an ambiguous write
	last    error         // of the last read that told something
	lag     time.Duration // from the write's answer to the outcome; negative if that says nothing
	why     string        // of an outcome that is not Confirmed, in a word
	broken  *breakage     // of a job that is set aside
	tried   string        // why the last try was not carried out
	large   error         // why the store takes no record of it
	unsure  bool          // it may have been recorded before that
	rest    members       // what the record has that this version does not know
}

func newMore() *more { return &more{over: make(chan struct{}), stored: make(chan struct{})} }

func (m *more) close() {
	if !m.closed {
		m.closed = true
		close(m.over)
	}
}

// doubt keeps the error of an ambiguous write for that of the outcome.
func (t *term[J, W, R]) doubt(j *job, err error) {
	var why *consistency.Error
	if errors.As(err, &why) {
		t.mu.Lock()
		j.wait().doubt = why.Write
		t.mu.Unlock()
	}
}

// remember keeps the error of a read for that of the outcome, if somebody waits: it
// is lost with the visit, and the next one may be cut short. There is no room for
// those of all jobs.
func (t *term[J, W, R]) remember(j *job, h *poll.History) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if read, ok := h.Last(); ok && j.more != nil && read.Verdict != poll.Unknown {
		j.more.last = read.Err
	}
}

// reasons completes the error of an outcome by what earlier steps left.
func (m *more) reasons(err error, h *poll.History) {
	var why *consistency.Error
	if !errors.As(err, &why) {
		return
	}
	if why.Write == nil {
		why.Write = m.doubt
	}
	if h == nil || why.Last != nil {
		return
	}
	if read, ok := h.Last(); !ok || read.Verdict == poll.Unknown && read.Err != nil { // it was cut short
		why.Last = m.last
	}
}

// find returns what to wait for of a job that is held here.
func (t *term[J, W, R]) find(key string) (*job, *more) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs.find(key)
	if j == nil {
		return nil, nil
	}
	return j, j.wait()
}

func (j *job) wait() *more {
	if j.more == nil { // it came from the store
		j.more = newMore()
		j.more.known = true
		close(j.more.stored)
	}
	return j.more
}

// has reports whether a job with that key is held here. One that is not recorded yet
// may turn out to be another's.
func (t *term[J, W, R]) has(key string) (held, recorded bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs.find(key)
	return j != nil, j != nil && (j.more == nil || j.more.known)
}

// add makes j one of the term's jobs, unless there is one with its key or the
// term is over.
func (t *term[J, W, R]) add(j *job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.jobs.find(j.key()) != nil {
		return false
	}
	t.jobs.add(j)
	t.count[j.state]++
	t.ages.add(j.intent)
	return true
}

// drop forgets a job that is another's, or that has ended, and wakes who waits.
func (t *term[J, W, R]) drop(j *job) {
	j.course.Leave(j.handle)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs.find(j.key()) != j {
		return
	}
	t.jobs.remove(j)
	t.count[j.state]--
	t.ages.remove(j.intent)
	if j.more != nil {
		j.more.close()
	}
}

// move moves a job to another state.
func (t *term[J, W, R]) move(j *job, e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := j.state
	if j.state = from.after(e); t.jobs.find(j.key()) == j { // or it was dropped meanwhile
		t.count[from]--
		t.count[j.state]++
	}
}

// recorded tells who waits that the intent is durable.
func (t *term[J, W, R]) recorded(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if j.more != nil && !j.more.known {
		j.more.known = true
		close(j.more.stored)
	}
}
