package natsstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/readback-go/readback/submit"
)

// index has the sequences of jobs by label, for labels that few jobs have: so ten jobs are
// found among a hundred thousand without reading all. It lives as long as one connection to
// a server, since a server that starts anew may use a sequence again that it had not yet
// acknowledged. With a folder it begins with what is read there at the start; with a
// cluster, at the first question.
type index struct {
	mu     sync.Mutex
	last   uint64              // all messages up to this sequence were read
	labels map[string][]uint64 // sequences in order, some of which are gone; nil means too many
	began  time.Time           // when counting began
}

const (
	// maxPerLabel is the greatest number of jobs of one label that the index keeps.
	maxPerLabel = 2048

	// recount is how long after a label had too many jobs they are counted anew.
	recount = 10 * time.Minute
)

// refresh reads what was written since the last time.
func (s *Store) refresh(ctx context.Context, x *index) error {
	messages, err := s.reads(ctx, submit.KindJob, x.last, true)
	if err != nil {
		return err
	}
	defer messages.end()
	if x.labels == nil {
		x.labels, x.began = make(map[string][]uint64), time.Now()
	}
	_, err = s.readAll(ctx, messages, func(msg jetstream.Msg, last uint64) (bool, error) {
		x.last = last
		if !gone(msg.Headers()) {
			x.add(msg.Headers().Get(labelHeader), last)
		}
		return true, nil
	})
	return err
}

func (x *index) add(label string, sequence uint64) {
	known, ok := x.labels[label]
	if ok && known == nil {
		return
	}
	if known = append(known, sequence); len(known) > maxPerLabel {
		known = nil
	}
	x.labels[label] = known
}

// sequences returns the sequences after one of the jobs with the labels, in order, or false
// if there are too many.
func (x *index) sequences(after uint64, labels []string) (found []uint64, few bool) {
	for _, label := range append([]string{""}, labels...) {
		known, ok := x.labels[label]
		if ok && known == nil {
			return nil, false
		}
		for _, sequence := range known {
			if sequence > after {
				found = append(found, sequence)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), true
}

// remove forgets sequences that are gone.
func (x *index) remove(gone map[uint64]bool) {
	for label, known := range x.labels {
		if known != nil {
			x.labels[label] = slices.DeleteFunc(known, func(sequence uint64) bool { return gone[sequence] })
		}
	}
}

// labelled yields the jobs with some labels.
func (s *Store) labelled(ctx context.Context, after uint64, labels []string, yield func(submit.Record, error) bool) error {
	at, err := s.at()
	if err != nil {
		return err
	}
	// If a job changes before it is read, the next refresh finds its new sequence.
	for range maxFences {
		at.index.mu.Lock()
		err := s.refresh(ctx, at.index)
		sequences, few := at.index.sequences(after, labels)
		if err == nil && !few && time.Since(at.index.began) > recount { // this call reads all jobs anyway
			at.index.last, at.index.labels = 0, nil
			err = s.refresh(ctx, at.index)
			sequences, few = at.index.sequences(after, labels)
		}
		at.index.mu.Unlock()
		if err != nil {
			return err
		}
		if !few {
			return s.since(ctx, submit.KindJob, after, labels, yield)
		}
		missed := make(map[uint64]bool)
		for _, sequence := range sequences {
			r, err := s.bySequence(ctx, sequence)
			if errors.Is(err, submit.ErrNotFound) {
				missed[sequence] = true
				continue
			}
			if err != nil {
				return err
			}
			if wanted(r, labels) && !yield(r, nil) {
				return nil
			}
			after = sequence
		}
		if len(missed) == 0 {
			return nil
		}
		at.index.mu.Lock()
		at.index.remove(missed)
		at.index.mu.Unlock()
	}
	return nil
}

// bySequence asks the leader for the job at a sequence. The error matches
// submit.ErrNotFound if the job has changed since.
func (s *Store) bySequence(ctx context.Context, sequence uint64) (submit.Record, error) {
	var msg *jetstream.RawStreamMsg
	if err := s.call(ctx, "read", func(ctx context.Context, at *site) (err error) {
		msg, err = at.stream.GetMsg(ctx, sequence)
		return err
	}); err != nil {
		return submit.Record{}, err
	}
	kind, key, err := s.names.parse(msg.Subject)
	if err != nil || gone(msg.Header) {
		return submit.Record{}, errors.Join(submit.ErrNotFound, err)
	}
	r, err := decodeRecord(kind, key, msg.Header, msg.Data, sequence)
	if err != nil {
		s.strange(sequence, err)
		return r, submit.ErrNotFound
	}
	return r, nil
}
