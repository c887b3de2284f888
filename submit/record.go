package submit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// state is how far a job is.
type state uint8

const (
	unborn   state = iota // the intent is not recorded yet, as far as is known
	queued                // may be sent by whoever holds it
	sending               // is being sent by its holder, or was when that died
	lost                  // was being sent when its holder died: here, not in records
	answered              // is read back
	ended                 // has an outcome
	states
)

var stateNames = [states]string{queued: "queued", sending: "sending", lost: "sending", answered: "answered", ended: "ended"}

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

// recordVersion grows when an older reader would misunderstand a record.
const recordVersion = 1

// errVersion is in the error of a record that this version must leave alone.
var errVersion = errors.New("submit: the record is of a newer version")

// jobRecord is the value of a job's record.
type jobRecord struct {
	Version int                  `json:"submit"`
	State   state                `json:"state"`
	Holder  string               `json:"holder"`
	Intent  time.Time            `json:"intent"` // by the clock of who recorded it
	Print   []byte               `json:"print"`
	Job     json.RawMessage      `json:"job,omitempty"`
	Pending *consistency.Pending `json:"pending,omitempty"`
	End     *ending              `json:"end,omitempty"`
}

// ending is what is kept of an outcome.
type ending struct {
	Outcome string          `json:"outcome"`
	At      time.Time       `json:"at"`
	Written json.RawMessage `json:"written,omitempty"`
	Flow    string          `json:"flow,omitempty"`
	Reads   int             `json:"reads,omitempty"`
	Took    time.Duration   `json:"took,omitempty"`
	Status  int             `json:"status,omitempty"`
	Body    string          `json:"body,omitempty"`
	Cause   string          `json:"cause,omitempty"`
	Write   string          `json:"write,omitempty"`
	Last    string          `json:"last,omitempty"`
}

func encode(rec *jobRecord) []byte {
	rec.Version = recordVersion
	data, err := json.Marshal(rec)
	if err != nil {
		panic("submit: a record that cannot be stored: " + err.Error()) // all that is in it was JSON before
	}
	return data
}

func decode(data []byte) (rec jobRecord, err error) {
	err = json.Unmarshal(data, &rec)
	if err != nil || rec.Version != recordVersion {
		// Of another version nothing else is known.
		if version, err := versionOf(data); err == nil && version > recordVersion {
			return jobRecord{}, fmt.Errorf("%w: %d, not %d", errVersion, version, recordVersion)
		}
	}
	switch {
	case err != nil:
		return rec, fmt.Errorf("submit: not a record: %w", err)
	case rec.Version != recordVersion || rec.State == unborn || (rec.State == ended) != (rec.End != nil):
		return rec, errors.New("submit: not a record of a job")
	}
	return rec, nil
}

func versionOf(data []byte) (int, error) {
	var version struct {
		Version int `json:"submit"`
	}
	err := json.Unmarshal(data, &version)
	return version.Version, err
}

// A record must fit into what a Store keeps: maxJob and maxText leave room for a
// handle.
const (
	maxJob  = 256 << 10
	maxText = 4 << 10 // of each reason of an outcome
)

// payload returns a job as it is stored, and its fingerprint.
func payload(job any) (data json.RawMessage, print []byte, err error) {
	if data, err = json.Marshal(job); err != nil {
		return nil, nil, invalid("the job cannot be stored: %w", err)
	}
	if len(data) > maxJob {
		return nil, nil, invalid("the job is longer than %d bytes as JSON: %d", maxJob, len(data))
	}
	return data, fingerprint(string(data)), nil
}

// fingerprint is enough to tell apart jobs that were not made to look alike.
func fingerprint(data string) []byte {
	sum := sha256.Sum256([]byte(data))
	return sum[:16]
}

func (rec *jobRecord) fits(print []byte) bool { return bytes.Equal(rec.Print, print) }

// endingOf returns what is kept of an outcome with that error, which is an
// [*consistency.Error] or nil.
func endingOf(outcome consistency.Outcome, written json.RawMessage, err error) *ending {
	e := &ending{Outcome: outcome.String(), At: time.Now().Round(0), Written: written}
	var why *consistency.Error
	if errors.As(err, &why) {
		e.Flow, e.Reads, e.Took, e.Status, e.Body = why.Name, why.Reads, why.Elapsed, why.Status, why.Body
		e.Cause, e.Write, e.Last = text(why.Cause), text(why.Write), text(why.Last)
	}
	return e
}

func text(err error) string {
	if err == nil {
		return ""
	}
	text := redact.Error(err)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

func (e *ending) outcome() consistency.Outcome {
	for _, o := range [...]consistency.Outcome{consistency.Confirmed, consistency.Failed} {
		if e.Outcome == o.String() {
			return o
		}
	}
	return consistency.Unconfirmed
}

// err returns the error of the outcome, with the texts of its reasons.
func (e *ending) err() error {
	if e.outcome() == consistency.Confirmed {
		return nil
	}
	return &consistency.Error{
		Outcome: e.outcome(), Name: e.Flow, Reads: e.Reads, Elapsed: e.Took, Status: e.Status, Body: e.Body,
		Cause: said(e.Cause), Write: said(e.Write), Last: said(e.Last), History: new(poll.History),
	}
}

func said(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
