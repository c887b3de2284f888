package ci

import (
	"encoding/json"
	"io"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
)

// Event is one line of the events: a write, a look at an operation, a read. Times
// are milliseconds from the write's answer.
type Event struct {
	Event   string  `json:"event"` // write, monitor or read
	Name    string  `json:"name"`
	N       int     `json:"n,omitempty"`
	Began   float64 `json:"began_ms"`
	Ended   float64 `json:"ended_ms"`
	Status  int     `json:"status,omitempty"`
	Class   string  `json:"class,omitempty"`
	Verdict string  `json:"verdict,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	Note    string  `json:"note,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Events writes what happens as JSON, a line each. A reader that is slow or gone
// holds nothing up: what it does not take in time is left out.
type Events struct {
	lines chan []byte
	ended chan struct{}
	scrub func(string) string
}

// mostWaiting is how many lines wait for a slow reader.
const mostWaiting = 4096

// NewEvents writes to w what scrub leaves of the lines. A nil w makes nil, which
// writes nothing.
func NewEvents(w io.WriteCloser, scrub func(string) string) *Events {
	if w == nil {
		return nil
	}
	e := &Events{lines: make(chan []byte, mostWaiting), ended: make(chan struct{}), scrub: scrub}
	go func() {
		defer close(e.ended)
		for line := range e.lines {
			if _, err := w.Write(line); err != nil {
				break // nobody reads any more
			}
		}
		_ = w.Close()
	}()
	return e
}

func (e *Events) write(value any) {
	data, err := json.Marshal(value)
	if err != nil {
		return
	}
	select {
	case e.lines <- append([]byte(e.scrub(string(data))), '\n'):
	default:
	}
}

// Observe writes an event of a run. Its end is told by [Events.End].
func (e *Events) Observe(event consistency.Event) {
	if e == nil || event.Phase == consistency.PhaseEnd {
		return
	}
	line := Event{
		Event: string(event.Phase), Name: event.Flow, N: event.N,
		Began: show.Milliseconds(event.Began), Ended: show.Milliseconds(event.Ended),
		Status: event.Status, Reason: string(event.Reason), Note: event.Note, Error: show.ErrorText(event.Err),
	}
	if event.Phase == consistency.PhaseWrite {
		line.Class = event.Class.String()
	} else {
		line.Verdict = event.Verdict.String()
	}
	e.write(line)
}

// patience is how long the end waits for a slow reader.
const patience = 2 * time.Second

// End writes how the run ended, and closes.
func (e *Events) End(results []show.Result) {
	if e == nil {
		return
	}
	for _, r := range results {
		e.write(struct {
			Event string `json:"event"`
			show.Result
		}{"result", r})
	}
	close(e.lines)
	select {
	case <-e.ended:
	case <-time.After(patience):
	}
}
