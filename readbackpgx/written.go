package readbackpgx

import (
	"encoding/json"
	"fmt"
)

// Written refers to what a transaction wrote: what the write returned, and which
// transaction that was. It is kept in a [consistency.Pending] as JSON; only Key is
// the caller's.
type Written[K any] struct {
	Key K

	tx    transaction
	at    position
	doubt string
}

// Doubt says why it is not known whether the transaction was committed, and is empty
// if it was. It is for a MineValue: only the value that was read can tell then whether
// the write is this one. Of a reference that a Find of the caller's makes of a key no
// transaction is known.
func (w Written[K]) Doubt() string {
	if w.tx.ID == 0 && w.doubt == "" {
		return "its transaction is not known"
	}
	return w.doubt
}

// transaction says which transaction of which history a write was, and what must be
// known to ask for its fate later.
type transaction struct {
	ID         uint64 `json:"id,string,omitempty"` // 0 if that is not known
	System     string `json:"system,omitempty"`    // of the cluster, as initdb named it
	Timeline   string `json:"timeline,omitempty"`
	Recovery   string `json:"recovery,omitempty"`   // changes whenever the server recovers from a crash
	Checkpoint string `json:"checkpoint,omitempty"` // the last one before the commit
	Flushed    bool   `json:"flushed,omitempty"`    // the disk had its id before COMMIT was sent
	Loose      bool   `json:"loose,omitempty"`      // its commit is acknowledged before the disk has it
}

// position is a place in the log of one history. Its zero value is not known.
type position struct {
	System   string `json:"system,omitempty"`
	Timeline string `json:"timeline,omitempty"`
	LSN      string `json:"lsn,omitempty"`
}

// follows reports whether a place that was told after tx is in the same history.
func (p position) follows(tx transaction) bool {
	return p.System == tx.System && p.Timeline == tx.Timeline
}

type writtenJSON[K any] struct {
	Doubt string      `json:"doubt,omitempty"` // first, to be seen in the beginning that an error shows
	Key   K           `json:"key"`
	Tx    transaction `json:"tx"`
	At    position    `json:"at"`
}

// MarshalJSON returns the reference as a JSON object.
func (w Written[K]) MarshalJSON() ([]byte, error) {
	return json.Marshal(writtenJSON[K]{w.doubt, w.Key, w.tx, w.at})
}

// UnmarshalJSON reads what MarshalJSON made.
func (w *Written[K]) UnmarshalJSON(data []byte) error {
	var stored writtenJSON[K]
	if err := json.Unmarshal(data, &stored); err != nil {
		return fmt.Errorf("readbackpgx: not a reference: %w", err)
	}
	*w = Written[K]{stored.Key, stored.Tx, stored.At, stored.Doubt}
	return nil
}
