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

// recordVersion grows when an older reader would misunderstand a record.
const recordVersion = 1

// errVersion is in the error of a record of a newer version, which this one leaves alone.
var errVersion = errors.New("a newer version")

// jobRecord is the value of a job's record.
type jobRecord struct {
	Version int                  `json:"submit"`
	State   state                `json:"state"`
	Holder  string               `json:"holder"`
	Intent  time.Time            `json:"intent"` // by the clock of who recorded it
	Print   []byte               `json:"print"`
	Job     json.RawMessage      `json:"job,omitempty"`     // the payload, if it is of version 0
	Payload *payloadRecord       `json:"payload,omitempty"` // the payload of any other version: programs that know no versions leave the job alone
	Sent    time.Time            `json:"sent,omitzero"`     // when it was first sent; zero if provably nothing left
	Tries   int                  `json:"tries,omitempty"`   // how many were provably not carried out
	Tried   string               `json:"tried,omitempty"`   // why the last of them was not
	Pending *consistency.Pending `json:"pending,omitempty"`
	Trace   string               `json:"trace,omitempty"`  // of the caller, until there is a handle, which carries it
	Broken  *breakage            `json:"broken,omitempty"` // of a job that is set aside
	End     *ending              `json:"end,omitempty"`

	unknown members
	revived bool // it had ended or was set aside, and goes on
}

// payloadRecord is a payload with its version.
type payloadRecord struct {
	Version int             `json:"version"`
	Job     json.RawMessage `json:"job"`
}

type plainPayload payloadRecord

// UnmarshalJSON refuses members that this version does not know: they may change what the
// payload says.
func (p *payloadRecord) UnmarshalJSON(data []byte) error {
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode((*plainPayload)(p)); err != nil {
		return err
	}
	if p.Version < 0 {
		return fmt.Errorf("the version of a payload is negative: %d", p.Version)
	}
	return nil
}

// breakage is why a job was set aside, and the state that it had.
type breakage struct {
	At    time.Time `json:"at"`
	Was   state     `json:"was"`
	Panic string    `json:"panic"`
	Stack string    `json:"stack"`
}

// ending is what a record keeps of an outcome.
type ending struct {
	Outcome   string          `json:"outcome"`
	At        time.Time       `json:"at"`
	Written   json.RawMessage `json:"written,omitempty"`
	Flow      string          `json:"flow,omitempty"`
	Reads     int             `json:"reads,omitempty"`
	Took      time.Duration   `json:"took,omitempty"`
	Status    int             `json:"status,omitempty"`
	Body      string          `json:"body,omitempty"`
	Cause     string          `json:"cause,omitempty"`
	Write     string          `json:"write,omitempty"`
	Last      string          `json:"last,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Seen      string          `json:"seen,omitempty"`
	Phase     string          `json:"phase,omitempty"`
	Code      string          `json:"code,omitempty"`
	Note      string          `json:"note,omitempty"`
	Counted   string          `json:"counted,omitempty"`
	Hint      string          `json:"hint,omitempty"`
	Free      bool            `json:"free,omitempty"`      // nothing was sent: the key may be used for another job
	Forgotten bool            `json:"forgotten,omitempty"` // by an operator

	unknown members
}

type plainEnding ending

func (e *ending) MarshalJSON() ([]byte, error) { return e.unknown.join((*plainEnding)(e)) }

func (e *ending) UnmarshalJSON(data []byte) (err error) {
	*e = ending{}
	e.unknown, err = split(data, (*plainEnding)(e))
	return err
}

// payload returns the payload and its version; nil if the record has none.
func (rec *jobRecord) payload() (data []byte, version int) {
	if rec.Payload != nil {
		return rec.Payload.Job, rec.Payload.Version
	}
	return rec.Job, 0
}

func (rec *jobRecord) setPayload(data []byte, version int) {
	rec.Job, rec.Payload = nil, nil
	switch {
	case len(data) == 0:
	case version == 0:
		rec.Job = data
	default:
		rec.Payload = &payloadRecord{version, data}
	}
}

// free reports whether the key may be used for another job.
func (rec *jobRecord) free() bool { return rec.End != nil && rec.End.Free }

func (rec *jobRecord) unconfirmed() bool {
	return rec.End != nil && rec.End.outcome() == consistency.Unconfirmed
}

// revive lets a job go on: one that was set aside from the state that it had, and one that
// ended Unconfirmed by reading it back. That one counts as answered, also if its write never
// was: whoever has it then, it is not sent again.
func (rec *jobRecord) revive() {
	e := rereads
	switch {
	case rec.Broken != nil && rec.Broken.Was == queued:
		e = enqueues
	case rec.Broken != nil && rec.Broken.Was == sending:
		e = orphans
	}
	rec.State, rec.Broken, rec.End, rec.revived = rec.State.after(e), nil, nil, true
}

func (b *breakage) err() error { return fmt.Errorf("%w: it panicked: %s", ErrSetAside, b.Panic) }

func encode(rec *jobRecord) []byte {
	rec.Version = recordVersion
	data, err := rec.unknown.join(rec)
	if err != nil {
		panic("submit: a record that cannot be stored: " + err.Error()) // all parts of it were encoded before
	}
	return data
}

func decode(data []byte) (rec jobRecord, err error) {
	rec.unknown, err = split(data, &rec)
	if err != nil || rec.Version != recordVersion {
		// A record of another version may have any other fields.
		if version, err := versionOf(data); err == nil && version > recordVersion {
			return jobRecord{}, fmt.Errorf("%w: %w: %d, not %d", ErrUnreadable, errVersion, version, recordVersion)
		}
	}
	switch {
	case err != nil:
		return rec, fmt.Errorf("%w: not a record: %w", ErrUnreadable, err)
	case rec.Version != recordVersion || rec.State == unborn ||
		(rec.State == ended) != (rec.End != nil) || (rec.State == aside) != (rec.Broken != nil):
		return rec, fmt.Errorf("%w: not a record of a job", ErrUnreadable)
	case rec.End != nil && rec.End.outcome() == 0:
		return rec, fmt.Errorf("%w: its outcome is unknown: %q", ErrUnreadable, truncate(rec.End.Outcome, maxCut))
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

// With these limits a record fits into the 512 KiB that a Store keeps. A reference stands
// in it twice: in the handle and in the outcome.
const (
	maxJob   = 256 << 10
	maxRef   = 64 << 10
	maxText  = 4 << 10 // of each reason of an outcome
	maxStack = 8 << 10
)

// fingerprint is half of a SHA-256, which is enough to tell jobs apart.
func fingerprint(data string) []byte {
	sum := sha256.Sum256([]byte(data))
	return sum[:16]
}

// endingOf returns what a record keeps of an outcome. Err is its [*consistency.Error], or
// nil.
func endingOf(outcome consistency.Outcome, written json.RawMessage, err error) *ending {
	e := &ending{Outcome: outcome.String(), At: time.Now().Round(0), Written: written}
	var why *consistency.Error
	if errors.As(err, &why) {
		e.Flow, e.Reads, e.Took, e.Status, e.Body = why.Name, why.Reads, why.Elapsed, why.Status, why.Body
		e.Cause, e.Write, e.Last = errorText(why.Cause), errorText(why.Write), errorText(why.Last)
		e.Reason, e.Seen, e.Phase, e.Code = string(why.Reason), why.Seen, string(why.Phase), why.Code
		e.Note, e.Counted, e.Hint = truncate(why.Note, maxText), truncate(why.Counted, maxText), truncate(why.Hint, maxText)
	}
	return e
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return truncate(redact.Error(err), maxText)
}

func truncate(text string, limit int) string {
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// outcome returns the outcome; 0 if this version does not know it.
func (e *ending) outcome() consistency.Outcome {
	for _, o := range [...]consistency.Outcome{consistency.Confirmed, consistency.Unconfirmed, consistency.Failed} {
		if e.Outcome == o.String() {
			return o
		}
	}
	return 0
}

// err returns the error of the outcome; its reasons are only texts.
func (e *ending) err() error {
	if e.outcome() == consistency.Confirmed {
		return nil
	}
	return &consistency.Error{
		Outcome: e.outcome(), Name: e.Flow, Reads: e.Reads, Elapsed: e.Took, Status: e.Status, Body: e.Body,
		Reason: poll.Reason(e.Reason), Seen: e.Seen, Phase: consistency.Phase(e.Phase), Code: e.Code,
		Note: e.Note, Counted: e.Counted, Hint: e.Hint,
		Cause: errorOf(e.Cause), Write: errorOf(e.Write), Last: errorOf(e.Last), History: new(poll.History),
	}
}

// errorOf returns an error that a record keeps as text. It matches the sentinel that the
// text begins with.
func errorOf(text string) error {
	if text == "" {
		return nil
	}
	for _, known := range [...]error{ErrCancelled, ErrGaveUp, ErrTooLarge} {
		if strings.HasPrefix(text, known.Error()) {
			return knownError{known, text}
		}
	}
	return errors.New(text)
}

// knownError is an error read from a record, with the sentinel that its text begins with.
type knownError struct {
	kind error
	text string
}

func (r knownError) Error() string { return r.text }
func (r knownError) Unwrap() error { return r.kind }
