package submit

import "fmt"

// state is how far a job is. The way from one to the next is in moves, and drawn
// in the documentation of the package.
type state uint8

const (
	unborn   state = iota // the intent is not recorded yet, as far as is known
	queued                // may be sent by whoever holds it
	sending               // is being sent by its holder, or was when that died
	lost                  // was being sent when its holder died: here, not in records
	answered              // is read back
	ended                 // has an outcome
	aside                 // the program's own code panicked: nobody goes on with it unasked
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

// moves is all that can happen to a job. What is not in it is a defect.
var moves = [states][events]state{
	unborn:   {enqueues: queued, begins: sending, concludes: ended, breaks: aside},
	queued:   {enqueues: queued, begins: sending, concludes: ended, breaks: aside},
	sending:  {spares: queued, replies: answered, orphans: lost, concludes: ended, breaks: aside},
	lost:     {replies: answered, orphans: lost, concludes: ended, breaks: aside},
	answered: {replies: answered, concludes: ended, breaks: aside},
	ended:    {rereads: answered, orphans: lost},
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
