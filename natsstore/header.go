package natsstore

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// operationHeader marks a key-value entry as deleted.
	operationHeader = "KV-Operation"

	// doneHeader marks a record that is done. Its value is how long the record
	// is to be kept, in nanoseconds.
	doneHeader = "Readback-Done"

	// labelHeader has the label of a record that has one.
	labelHeader = "Readback-Label"
)

// gone reports whether a message marks the end of a record.
func gone(h nats.Header) bool {
	return h.Get(operationHeader) != "" || h.Get(jetstream.MarkerReasonHeader) != ""
}

// done reports whether a message is of a record that is done, and how long that
// is to be kept.
func done(h nats.Header) (bool, time.Duration, error) {
	text := h.Get(doneHeader)
	if text == "" {
		return false, 0, nil
	}
	keep, err := strconv.ParseInt(text, 10, 64)
	if err != nil || keep < 0 {
		return false, 0, fmt.Errorf("natsstore: a record is done, but kept for %q", text)
	}
	return true, time.Duration(keep), nil
}
