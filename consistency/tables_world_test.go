package consistency_test

import (
	"context"
	"errors"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// said is one answer, to a write or a read.
type said struct {
	status  int
	how     silence
	body    string
	stale   bool          // a good answer, but not the one that matches
	behind  bool          // the flow says that it is behind
	after   time.Duration // Retry-After
	inValue bool          // a status that is not good comes without an error
	holds   content       // of a good answer
}

// content is what there is in a good answer.
type content uint8

const (
	itself  content = iota
	nothing         // a nil
	empty           // a struct of zeros
	aFault          // that the write failed
)

// broken is the version of an item that shows that its write failed.
const broken = -1

func (s said) err() error {
	switch {
	case s.how != notLost:
		return errLost
	case s.inValue || s.status >= 200 && s.status <= 299:
		return nil
	}
	return &fault{status: s.status, body: s.body, retryAfter: s.after}
}

// world is a service that follows a script of answers, one for each second, the
// last one for ever; what it was asked, and what the tables make of that.
type world struct {
	goal   consistency.Goal
	settle int
	write  said
	hidden bool // the client sent the write twice by itself
	find   bool
	script []said
	door   door // Do if nil

	t         testing.TB
	answered  time.Time
	writes    int
	readAt    []time.Duration
	asked     bool // a read was, since the last event
	looked    bool // that read was a look after a refusal, whose event the table does not tell
	reference *byTables
	says      told
	class     consistency.Class
}

func (w *world) at(since time.Duration) said {
	return w.script[min(int(since/time.Second), len(w.script)-1)]
}

// proves returns what the answers to all tries of the write prove.
func (w *world) proves() consistency.Class {
	class := provesByTable(w.goal, w.write.status, w.write.how)
	if w.hidden && (class == consistency.Refused || class == consistency.NotExecuted) {
		return consistency.Ambiguous
	}
	return class
}

func (w *world) send(ctx context.Context) (ref, error) {
	w.writes++
	w.answered = time.Now()
	if w.write.how != untold {
		trace(ctx, w.write.how != unsent)
	}
	if w.hidden {
		trace(ctx, true)
	}
	if err := w.write.err(); err != nil {
		return ref{}, err
	}
	return ref{ID: "w1", Code: w.write.status}, nil
}

// trace tells the trace in a context what net/http would of one request.
func trace(ctx context.Context, sent bool) {
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil {
		return
	}
	if trace.GetConn != nil {
		trace.GetConn("api.example:443")
	}
	if !sent && trace.ConnectDone != nil {
		trace.ConnectDone("tcp", "192.0.2.1:443", errLost)
	}
	if sent && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if sent && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if sent && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
}

func (w *world) read(_ context.Context, of ref) (*item, error) {
	since := time.Since(w.answered)
	assert.Equal(w.t, "w1", of.ID)
	assert.False(w.t, w.reference.done() || since >= w.reference.ends, "a read after the end, at %v", since)
	w.readAt = append(w.readAt, since)
	w.asked = true
	answer := w.at(since)
	w.says = saysByTable(w.goal, answer)
	if w.looked = w.reference.looking; w.looked {
		w.reference.look(since, w.says)
	} else {
		w.reference.read(since, w.says)
	}
	if err := answer.err(); err != nil {
		return nil, err
	}
	switch {
	case answer.holds == nothing:
		return nil, nil
	case answer.holds == empty:
		return new(item), nil
	case answer.holds == aFault:
		return &item{Code: answer.status, Version: broken}, nil
	case answer.stale:
		return &item{Code: answer.status, Version: wanted - 1}, nil
	}
	return &item{Code: answer.status, Version: wanted}, nil
}

func (w *world) flow() consistency.Flow[ref, *item] {
	const name = "write item"
	var f consistency.Flow[ref, *item]
	switch w.goal {
	case consistency.ToPresent:
		f = consistency.Create(name, w.send, w.read)
	case consistency.ToMatch:
		f = consistency.Update(name, w.send, w.read, func(_ ref, i *item) bool { return i.Version >= wanted })
	default:
		f = consistency.Delete(name, ref{ID: "w1"}, func(ctx context.Context, _ ref) error {
			of, err := w.send(ctx)
			if err == nil && (w.write.inValue || of.Code == 202) {
				err = &fault{status: of.Code} // a Delete returns nothing else
			}
			return err
		}, w.read)
	}
	if w.find {
		f.Find = consistency.Known(ref{ID: "w1"})
		f.Mine = func(of ref) bool { return of.ID == "w1" }
	}
	f.Fault = func(_ ref, i *item) error {
		if i.Version == broken {
			return errLost
		}
		return nil
	}
	f.Behind = func(a consistency.Answer) bool {
		return w.asked && w.at(time.Since(w.answered)).behind
	}
	return f
}

// follow runs the flow and holds all that it does against the tables.
func (w *world) follow(t testing.TB) {
	t.Helper()
	w.t = t
	class := w.proves()
	w.reference = newByTables(w.goal, w.settle, class)
	w.reference.doubt = w.reference.doubt || w.hidden
	if w.find && w.goal != consistency.ToAbsent && class == consistency.Refused && (w.write.status == 409 || w.write.status == 412) {
		w.reference.conflicts()
	}
	run, exact := w.door, time.Duration(0)
	if run == nil {
		run = consistency.Do[ref, *item]
	} else {
		exact = 2 * time.Millisecond // no visit waits for a deadline that no read can meet
	}
	res, err := run(t.Context(), consistency.Policy{
		Settle:   w.settle,
		Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true},
		Observer: w.hear,
	}, w.flow())

	assert.Equal(t, 1, w.writes)
	assert.Equal(t, w.proves(), w.class, "class")
	want, ends := w.reference.end()
	if w.nothingToRead() {
		want, ends = consistency.Unconfirmed, 0
		if class == consistency.Ambiguous {
			require.ErrorIs(t, err, consistency.ErrNoFind)
		} else {
			require.ErrorIs(t, err, consistency.ErrNoReference)
		}
	}
	require.Equal(t, want, res.Outcome, "%v after reads at %v: %v", w.proves(), w.readAt, err)
	require.Equal(t, want, consistency.OutcomeOf(err))
	took := res.Elapsed
	if exact > 0 && time.Since(w.answered) <= ends+exact {
		took = time.Since(w.answered) // one that was resumed counts from then
	}
	require.InDelta(t, ends, took, float64(exact), "after reads at %v: %v", w.readAt, err)
	if class == consistency.Refused && w.reference.doubt || w.nothingToRead() {
		require.Empty(t, w.readAt)
	}
	require.Equal(t, w.reference.byFault, errors.Is(err, consistency.ErrOperation))
	w.inTime(t, want, ends)
}

// hear compares the verdict on each read with the table's.
func (w *world) hear(e consistency.Event) {
	switch {
	case e.Phase == consistency.PhaseWrite:
		w.class = e.Class
	case e.Phase == consistency.PhaseRead && w.asked:
		w.asked = false
		assert.True(w.t, w.looked || w.says.fits(e), "read at %v of %+v: %v (%s), and by the table %v (%s)",
			e.Began, w.at(e.Began), e.Verdict, e.Reason, w.says.verdict, w.says.reason)
	}
}

// nothingToRead reports whether nobody knows what to read: the answer that tells
// was an error, or is not to be relied on.
func (w *world) nothingToRead() bool {
	class := w.proves()
	return (class == consistency.Ambiguous || class == consistency.Accepted && w.write.err() != nil) &&
		!w.find && w.goal != consistency.ToAbsent
}

// inTime holds a flow against the second law: what every read would have shown
// for the last two seconds before its end was not missed. Reads take no time, so
// that every reserve is a millisecond.
func (w *world) inTime(t testing.TB, outcome consistency.Outcome, ends time.Duration) {
	t.Helper()
	if outcome != consistency.Unconfirmed || w.reference.done() || w.nothingToRead() {
		return
	}
	for since := ends - 2*time.Second; since < ends; since += 500 * time.Millisecond {
		answer := w.at(since)
		says := saysByTable(w.goal, answer)
		if says.verdict != poll.Ready || says.failed {
			return
		}
	}
	t.Errorf("visible from %v on at the latest, and missed by reads at %v", ends-2*time.Second, w.readAt)
}
