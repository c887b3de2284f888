package natsstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/readback-go/readback/submit"
)

// batchFrom is the number of changes from which a group is quicker: the server makes a
// folder for each group, but waits for the disk only once.
const batchFrom = 16

// batchRefusals are the codes of a server that has changed nothing of a group: a record
// has another revision, or the server takes no groups, or none at present.
var batchRefusals = []jetstream.ErrorCode{
	jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant,
	10174, 10175, 10176, 10177, 10179, 10199, 10200, 10201, 10210,
}

const (
	batchHeader  = "Nats-Batch-Id"
	batchNumber  = "Nats-Batch-Sequence"
	batchCommit  = "Nats-Batch-Commit"
	expectHeader = jetstream.ExpectedLastSubjSeqHeader
)

var _ submit.BatchStore = (*Store)(nil)

// ChangeAll implements [submit.BatchStore]. The error matches errors.ErrUnsupported if
// changes one by one are as quick: for fewer than 16 changes, and with NoSync. It does so
// with a cluster too, since its servers may not support batches. A crash may leave a part of a
// batch that was not acknowledged.
func (s *Store) ChangeAll(ctx context.Context, records []submit.Record) ([]uint64, error) {
	if len(records) < batchFrom || s.folder == nil || s.options.NoSync {
		return nil, fmt.Errorf("natsstore: a batch of %d is no quicker: %w", len(records), errors.ErrUnsupported)
	}
	last, refused, err := s.commit(ctx, records)
	switch {
	case refused && refusal(err) == jetstream.JSErrCodeStreamWrongLastSequence:
		return nil, fmt.Errorf("%w: %w", submit.ErrConflict, err)
	case errors.Is(err, submit.ErrTooLarge):
		return nil, err
	case refused: // the server takes no batches now
		return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	case err != nil:
		return nil, err
	}
	revisions := make([]uint64, len(records))
	for i := range revisions {
		revisions[i] = last - uint64(len(records)-1-i)
	}
	return revisions, nil
}

// commit publishes a group, and returns the sequence of its last message. Refused says
// that nothing was changed, and err says why.
func (s *Store) commit(ctx context.Context, records []submit.Record) (last uint64, refused bool, err error) {
	messages := make([]*nats.Msg, len(records))
	id := rand.Text()
	for i, r := range records {
		messages[i] = s.message(r)
		messages[i].Header.Set(batchHeader, id)
		messages[i].Header.Set(batchNumber, strconv.Itoa(i+1))
		messages[i].Header.Set(expectHeader, strconv.FormatUint(r.Revision, 10))
	}
	messages[len(messages)-1].Header.Set(batchCommit, "1")
	var ack struct {
		Sequence uint64              `json:"seq"`
		Error    *jetstream.APIError `json:"error"`
	}
	err = s.call(ctx, "write", func(ctx context.Context, at *site) error {
		for _, msg := range messages[:len(messages)-1] {
			if err := at.conn.PublishMsg(msg); err != nil {
				return err
			}
		}
		answer, err := at.conn.RequestMsgWithContext(ctx, messages[len(messages)-1])
		if err != nil {
			return err
		}
		if err := json.Unmarshal(answer.Data, &ack); err != nil {
			return err
		}
		if refused = ack.Error != nil && slices.Contains(batchRefusals, ack.Error.ErrorCode); refused {
			return nil
		}
		if ack.Error != nil {
			return ack.Error
		}
		return nil
	})
	switch {
	case refused:
		return 0, true, ack.Error
	case errors.Is(err, submit.ErrTooLarge): // one message was too large, so the group was never complete
		return 0, true, err
	case err != nil:
		return 0, false, err
	}
	entries := make([]entry, len(messages))
	for i, msg := range messages {
		entries[i] = entry{subject: hashOf(msg.Subject), sequence: ack.Sequence - uint64(len(messages)-1-i)}
	}
	if err := s.addToLedger(entries...); err != nil {
		return 0, false, err
	}
	for i, r := range records {
		s.noteKeep(r, entries[i].sequence)
	}
	return ack.Sequence, false, nil
}
