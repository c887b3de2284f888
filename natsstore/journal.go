package natsstore

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/readback-go/readback/submit"
)

var _ submit.Journal = (*Store)(nil)

// Since implements [submit.Journal]. It reads the records in their order, which takes some
// 10 µs each. If labels are given that few jobs have, it reads only those jobs, and the
// headers of all that was written since the last such call; the first such call reads all
// headers with a cluster, and those since Open with a folder.
//
// With a cluster and without wait, it yields nothing before it has read everything.
func (s *Store) Since(ctx context.Context, kind submit.Kind, after uint64, labels []string, wait bool) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		err := s.reaches(ctx, after)
		switch {
		case err != nil:
		case wait:
			err = s.follow(ctx, kind, after, labels, yield)
		case kind == submit.KindJob && labels != nil:
			err = s.labelled(ctx, after, labels, yield)
		default:
			err = s.since(ctx, kind, after, labels, yield)
		}
		if err != nil {
			yield(submit.Record{}, err)
		}
	}
}

// reaches returns submit.ErrAhead if the bucket has not reached a sequence. A fence has a
// greater one than all that was acknowledged before.
func (s *Store) reaches(ctx context.Context, sequence uint64) error {
	if sequence == 0 {
		return nil
	}
	fence, err := s.publish(ctx, "list", nats.NewMsg(s.names.fence()))
	if err == nil && sequence > fence {
		err = submit.ErrAhead
	}
	return err
}

// wanted reports whether a record has one of the labels, or any if it has none.
func wanted(r submit.Record, labels []string) bool {
	return labels == nil || r.Label == "" || slices.Contains(labels, r.Label)
}

// reads begins to read the records of a kind behind a sequence.
func (s *Store) reads(ctx context.Context, kind submit.Kind, after uint64, headers bool) (*reader, error) {
	messages := &reader{
		names: s.names, subject: []string{s.names.kind(kind), s.names.fence()}, policy: jetstream.DeliverAllPolicy,
		last: after, headers: headers,
	}
	return messages, s.call(ctx, "list", func(ctx context.Context, at *site) error {
		messages.js = at.js
		return messages.begin(ctx)
	})
}

// since yields records in order. A server of a cluster may be behind: what it sends first may
// be replaced by what it sends later, so nothing is yielded before all is read.
func (s *Store) since(ctx context.Context, kind submit.Kind, after uint64, labels []string, yield func(submit.Record, error) bool) error {
	messages, err := s.reads(ctx, kind, after, false)
	if err != nil {
		return err
	}
	defer messages.end()
	behind, found := s.options.Replicas > 1, make(map[string]submit.Record)
	more, err := s.readAll(ctx, messages, func(msg jetstream.Msg, last uint64) (bool, error) {
		r, ok := s.record(kind, msg, last)
		if !ok {
			return true, nil
		}
		there := !gone(msg.Headers()) && wanted(r, labels)
		switch {
		case behind && there:
			found[r.Key] = r
		case behind:
			delete(found, r.Key)
		case there:
			return yield(r, nil), nil
		}
		return true, nil
	})
	if err != nil || !more {
		return err
	}
	order := func(a, b submit.Record) int { return cmp.Compare(a.Revision, b.Revision) }
	for _, r := range slices.SortedFunc(maps.Values(found), order) {
		if !yield(r, nil) {
			return nil
		}
	}
	return nil
}

// follow yields records in order, and goes on with what changes.
func (s *Store) follow(ctx context.Context, kind submit.Kind, after uint64, labels []string, yield func(submit.Record, error) bool) error {
	messages, err := s.reads(ctx, kind, after, false)
	if err != nil {
		return err
	}
	defer messages.end()
	at, err := s.at()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(at.ctx, func() { // the server is started anew, or the store is closed
		_, err := s.at()
		cancel(cmp.Or(err, errRestart))
	})()
	for {
		msg, last, err := messages.next(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if msg.Subject() == s.names.fence() {
			continue
		}
		r, ok := s.record(kind, msg, last)
		if !ok {
			continue
		}
		if !gone(msg.Headers()) && wanted(r, labels) && !yield(r, nil) {
			return nil
		}
	}
}
