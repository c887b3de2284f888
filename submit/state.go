package submit

import "fmt"

// state is how far a job is. The table moves has all transitions; the documentation of the
// package draws them.
type state uint8

const (
	unborn   state = iota // the intent is not known to be recorded yet
	queued                // its holder may send it
	sending               // its holder sends it, or did so when it died
	lost                  // it was being sent when its holder died; in memory only, records say sending
	answered              // it is read back
	ended                 // it has an outcome
	aside                 // the program's own code panicked: it waits for an operator or a caller
	states
)

var stateNames = [states]string{
	queued: "queued", sending: "sending", lost: "sending", answered: "answered", ended: "ended", aside: "aside",
}

func (s state) String() string               { return stateNames[s] }
func (s state) MarshalText() ([]byte, error) { return []byte(stateNames[s]), nil }

func (s *state) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name != "" && name == string(text) {
			*s = state(i)
			return nil
		}
	}
	return fmt.Errorf("unknown state %q", text)
}

// event is what moves a job from one state to another.
type event uint8

const (
	enqueues  event = iota // its intent is recorded, to be sent later
	begins                 // it is about to be sent
	spares                 // it is proven that the write was not sent
	replies                // the write was answered, or its answer was lost
	orphans                // its holder died while it sent the write
	concludes              // its outcome is known
	rereads                // its outcome was Unconfirmed, and it is to be read again
	breaks                 // code of the program panicked
	events
)

// moves has all transitions of a job. Any other is a defect of this package.
var moves = [states][events]state{
	unborn:   {enqueues: queued, begins: sending, concludes: ended, breaks: aside},
	queued:   {enqueues: queued, begins: sending, concludes: ended, breaks: aside},
	sending:  {spares: queued, replies: answered, orphans: lost, concludes: ended, breaks: aside},
	lost:     {replies: answered, orphans: lost, concludes: ended, breaks: aside},
	answered: {replies: answered, concludes: ended, breaks: aside},
	ended:    {rereads: answered},
	aside:    {enqueues: queued, rereads: answered, orphans: lost, concludes: ended},
}

// after returns the state of a job to which e happens.
func (s state) after(e event) state {
	to := moves[s][e]
	if to == unborn {
		panic(fmt.Sprintf("submit: event %d does not happen to a job in state %d", e, s))
	}
	return to
}
