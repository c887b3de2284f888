package readbackpgx

import (
	"encoding/json"
	"fmt"
)

// Written is the reference of a flow of this package: the key that the write returned, and
// the transaction that wrote it. A [consistency.Pending] keeps it as JSON. The caller uses
// only Key.
type Written[K any] struct {
	Key K

	tx    transaction
	at    position
	doubt string
}

// Doubt says why it is not known whether the transaction was committed; it is empty if it is
// known to be. It is for a MineValue: in doubt, only the value that was read can tell whether
// it is of this write. A reference that the caller's own Find makes from a key is always in
// doubt, since its transaction is not known.
func (w Written[K]) Doubt() string {
	if w.tx.ID == 0 && w.doubt == "" {
		return "its transaction is not known"
	}
	return w.doubt
}

// transaction identifies the transaction of a write, and has all that is needed to ask for
// its fate later.
type transaction struct {
	ID         uint64 `json:"id,string,omitempty"` // 0 if it is not known
	System     string `json:"system,omitempty"`    // the system identifier of the cluster
	Timeline   string `json:"timeline,omitempty"`
	Recovery   string `json:"recovery,omitempty"`   // changes whenever the server recovers from a crash
	Checkpoint string `json:"checkpoint,omitempty"` // the last checkpoint before the commit
	Flushed    bool   `json:"flushed,omitempty"`    // the disk had its id before COMMIT was sent
	Loose      bool   `json:"loose,omitempty"`      // its commit may be acknowledged before the disk has it
}

// position is a position in the log of one timeline. Its zero value means that it is not
// known.
type position struct {
	System   string `json:"system,omitempty"`
	Timeline string `json:"timeline,omitempty"`
	LSN      string `json:"lsn,omitempty"`
}

// follows reports whether p, a position from after tx, is of the same history as tx.
func (p position) follows(tx transaction) bool {
	return p.System == tx.System && p.Timeline == tx.Timeline
}

type writtenJSON[K any] struct {
	Doubt string      `json:"doubt,omitempty"` // first, since errors show only the beginning
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
