package workspaces

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Kind says what an [Event] is about.
type Kind string

// The kinds of events. A creation appends two: the workspace and its owner's
// membership.
const (
	Created     Kind = "WorkspaceCreated"
	Changed     Kind = "WorkspaceChanged"
	Deleted     Kind = "WorkspaceDeleted"
	MemberAdded Kind = "MemberAdded"
)

// Event is one entry of the log: something that was done and cannot be undone.
type Event struct {
	Seq       uint64    `json:"seq"` // 1, 2, 3 and so on
	At        time.Time `json:"at"`
	Kind      Kind      `json:"kind"`
	By        string    `json:"by"`               // the user whose command it was
	Workspace Workspace `json:"workspace"`        // as the event left it
	Member    string    `json:"member,omitempty"` // of MemberAdded: the user
}

var eventsBucket = []byte("events")

// eventLog is the append-only log, the one source of truth of the read side.
type eventLog struct {
	db       *bolt.DB
	appended signal // sent after the commit of an append
}

// append adds e as the last event, as part of tx.
func (l *eventLog) append(tx *bolt.Tx, e Event) error {
	bucket := tx.Bucket(eventsBucket)
	seq, err := bucket.NextSequence()
	if err != nil {
		return err
	}
	e.Seq = seq
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	tx.OnCommit(l.appended.broadcast)
	return bucket.Put(binary.BigEndian.AppendUint64(nil, seq), data)
}

// after returns up to limit events that follow the event numbered seq.
func (l *eventLog) after(seq uint64, limit int) ([]Event, error) {
	var events []Event
	err := l.db.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket(eventsBucket).Cursor()
		k, v := cursor.Seek(binary.BigEndian.AppendUint64(nil, seq+1))
		for ; k != nil && len(events) < limit; k, v = cursor.Next() {
			var e Event
			if err := json.Unmarshal(v, &e); err != nil {
				return fmt.Errorf("workspaces: event %d: %w", binary.BigEndian.Uint64(k), err)
			}
			events = append(events, e)
		}
		return nil
	})
	return events, err
}

// all iterates over the log, a page at a time: no transaction is open while the
// caller looks at an event, so the caller may send commands meanwhile.
func (l *eventLog) all() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var last uint64
		for {
			events, err := l.after(last, pageSize)
			if err != nil {
				yield(Event{}, err)
				return
			}
			if len(events) == 0 {
				return
			}
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
				last = e.Seq
			}
		}
	}
}

// pageSize is the number of events that one transaction reads.
const pageSize = 256
