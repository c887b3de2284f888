package submit

import (
	"errors"
	"math"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// job is a job that this term holds. Either it waits in a queue, or one goroutine works on
// it; all others may look only at its key, its payload and, under the term's mutex, its
// details. There may be a million jobs, so every byte counts.
type job struct {
	text     string // the key, and then the payload as JSON
	handle   consistency.Pending
	course   consistency.Course
	revision uint64        // of the record; zero if there is none as far as is known
	intent   int64         // Unix time in nanoseconds
	due      time.Duration // on the term's clock
	details  *details      // nil if there is nothing in it; guarded by the term's mutex
	sent     int32         // when it was first sent: 1 + ms since the intent; negative if a clock was set back; 0 if never
	version  uint16        // of the payload
	keyed    uint8         // the length of the key in text
	state    state
	tries    uint16 // how many were provably not carried out; it stays at the greatest number
	flags    jobFlags
}

type jobFlags uint8

const (
	resumed    jobFlags = 1 << iota // it was sent by another term
	called                          // Write was called since the record says that the job is being sent
	unsure                          // a change may have been made: the store did not say
	stuck                           // never sent again: the store has no room for its record
	resends                         // it waits among the writes, to be sent again
	sentBefore                      // an earlier try may have reached the service, which did not carry it out
	fitted                          // its handle fits the flow of today
)

func newJob(key string, data []byte, intent int64) *job {
	return &job{text: key + string(data), keyed: uint8(len(key)), intent: intent}
}

func (j *job) key() string  { return j.text[:j.keyed] }
func (j *job) data() string { return j.text[j.keyed:] }

func (j *job) has(one jobFlags) bool { return j.flags&one != 0 }

// sentAt returns when the job was first sent, or its intent if it never was, in
// nanoseconds. It may be too early, by up to 1 ms and by what is over 24 days since the
// intent; and never too late, since KeyHonouredFor counts from it.
func (j *job) sentAt() int64 {
	after := int64(j.sent)
	if after > 0 {
		after--
	}
	return j.intent + after*int64(time.Millisecond)
}

// longBefore as job.sent means that it was sent at a time that is not known.
const longBefore = math.MinInt32

// sentNow notes when the job is first sent.
func (j *job) sentNow(now int64) {
	if j.sent != 0 {
		return
	}
	after := now - j.intent
	ms := after / int64(time.Millisecond)
	if after >= 0 {
		j.sent = int32(min(ms+1, math.MaxInt32))
	} else {
		j.sent = int32(max(ms-1, longBefore))
	}
}

// details are the part of a job that most jobs do not need: only a job that somebody
// waits for, that has ended, or that something unusual happened to.
type details struct {
	over        chan struct{} // closed when the job has ended, or is no longer held
	stored      chan struct{} // closed when the intent is recorded
	isStored    bool          // stored is closed
	closed      bool          // over is closed
	end         *jobRecord    // the outcome; nil before
	err         error         // of the outcome
	written     any           // the reference, if a record cannot carry it
	writeErr    error         // of an ambiguous write
	lastRead    error         // of the last read that was not unknown
	lag         time.Duration // from the write's answer to the outcome; negative if it is not known
	reason      string        // of an outcome that is not Confirmed, see reasonOf
	broken      *breakage     // of a job that is set aside
	tried       string        // why the last try was not carried out
	trouble     error         // why the store did not make the last change; nil if it did
	mayBeStored bool          // an earlier change may have recorded the job before that error
	unknown     members       // fields of the record that this version does not know
}

func newDetails() *details { return &details{over: make(chan struct{}), stored: make(chan struct{})} }

func (m *details) close() {
	if !m.closed {
		m.closed = true
		close(m.over)
	}
}

// keepWriteError keeps the error of an ambiguous write for the error of the outcome.
func (t *term) keepWriteError(j *job, err error) {
	var why *consistency.Error
	if errors.As(err, &why) {
		t.mu.Lock()
		j.withDetails().writeErr = why.Write
		t.mu.Unlock()
	}
}

// keepReadError keeps the error of a read for the error of the outcome, since the next
// visit may be cut short. It does so only for jobs that have details: keeping one for
// each of a million jobs would take too much memory.
func (t *term) keepReadError(j *job, h *poll.History) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if read, ok := h.Last(); ok && j.details != nil && read.Verdict != poll.Unknown {
		j.details.lastRead = read.Err
	}
}

// complete adds the errors of earlier steps to the error of an outcome.
func (m *details) complete(err error, h *poll.History) {
	var why *consistency.Error
	if !errors.As(err, &why) {
		return
	}
	if why.Write == nil {
		why.Write = m.writeErr
	}
	if h == nil || why.Last != nil {
		return
	}
	if read, ok := h.Last(); !ok || read.Verdict == poll.Unknown && read.Err != nil { // it was cut short
		why.Last = m.lastRead
	}
}

// find returns the job of a key and its details; nil if it is not held here.
func (t *term) find(key string) (*job, *details) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs.find(key)
	if j == nil {
		return nil, nil
	}
	return j, j.withDetails()
}

// withDetails returns the details of a job, and adds them first if it has none. The
// caller holds the term's mutex.
func (j *job) withDetails() *details {
	if j.details == nil { // it came from the store
		j.details = newDetails()
		j.details.isStored = true
		close(j.details.stored)
	}
	return j.details
}

// holdsKey reports whether a job with that key is held here, and whether the store has it.
// A job that is not recorded yet may turn out to be another holder's.
func (t *term) holdsKey(key string) (held, recorded bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs.find(key)
	return j != nil, j != nil && (j.details == nil || j.details.isStored)
}

// add makes j one of the term's jobs, unless there is one with its key or the
// term is over.
func (t *term) add(j *job) bool {
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

// drop forgets a job that has ended or is no longer this term's, and wakes those who wait
// for it.
func (t *term) drop(j *job) {
	t.forget(j, false)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, j)
	if j.details != nil {
		j.details.close()
	}
}

// forget is drop, but that who waits is not woken yet. Tells says that the program is
// told first that the job has ended: it may call the Submitter for the same job then.
func (t *term) forget(j *job, tells bool) {
	j.course.Leave(j.handle)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs.find(j.key()) != j {
		return
	}
	t.jobs.remove(j)
	t.count[j.state]--
	t.ages.remove(j.intent)
	if tells {
		t.told[j] = struct{}{}
	}
}

// move moves a job to another state.
func (t *term) move(j *job, e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := j.state
	if j.state = from.after(e); t.jobs.find(j.key()) == j { // or it was dropped meanwhile
		t.count[from]--
		t.count[j.state]++
	}
}

// recorded tells those who wait that the intent is durable.
func (t *term) recorded(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := j.details
	if m == nil {
		return
	}
	if m.trouble = nil; !m.isStored {
		m.isStored = true
		close(m.stored)
	}
}

// noteTrouble notes why the store did not make a change of a job, for those who wait for it.
func (t *term) noteTrouble(j *job, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.withDetails().trouble = why
}

// troubleOf returns why the store did not make the last change of a job; nil if it did.
func (t *term) troubleOf(m *details) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return m.trouble
}
