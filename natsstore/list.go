package natsstore

import (
	"context"
	"iter"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/readback-go/readback/submit"
)

// List implements [submit.Store].
func (s *Store) List(ctx context.Context, kind submit.Kind) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		if err := s.list(ctx, kind, yield); err != nil {
			yield(submit.Record{}, err)
		}
	}
}

// maxFences bounds how often a list waits for changes that are made meanwhile.
const maxFences = 16

// list reads the last message of every record from one server, which may be
// behind the leader. How far it must read is marked by a fence: a message that
// the leader takes after all that was acknowledged before.
//
// A record that changes meanwhile may have its old message removed before it is
// read, and its new one put behind the fence. So there is another fence, put up
// when the one before was passed, unless all messages between the two were there
// to be read: what is missed then would have had to change after each.
func (s *Store) list(ctx context.Context, kind submit.Kind, yield func(submit.Record, error) bool) (err error) {
	messages := reader{
		names: s.names, subject: []string{s.names.kind(kind), s.names.fence()}, policy: jetstream.DeliverAllPolicy,
	}
	if err := s.call(ctx, "list", func(ctx context.Context, at *site) error {
		messages.js = at.js
		return messages.begin(ctx)
	}); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			messages.stop()
		} else {
			messages.end()
		}
	}()
	found := listing{yield: yield, behind: s.options.Replicas > 1, records: make(map[string]submit.Record)}
	var last uint64
	for range maxFences {
		fence, err := s.publish(ctx, "list", nats.NewMsg(s.names.fence()))
		if err != nil {
			return err
		}
		whole := true
		for last < fence {
			var msg jetstream.Msg
			before := last
			if err := s.call(ctx, "list", func(ctx context.Context, _ *site) (err error) {
				msg, last, err = messages.next(ctx)
				return err
			}); err != nil {
				return err
			}
			whole = whole && last == before+1
			if msg.Subject() == s.names.fence() {
				continue
			}
			r, open, err := s.record(kind, msg, last)
			if err != nil {
				return err
			}
			if !found.add(r, open) {
				return nil
			}
		}
		if whole {
			break
		}
	}
	found.finish()
	return nil
}

// listing is what a list has found.
type listing struct {
	yield   func(submit.Record, error) bool
	behind  bool // what is read may be replaced by what is read later
	records map[string]submit.Record
}

// add adds a message, and returns false if nobody wants more. What cannot be
// behind is yielded at once, so that a long list is not kept in memory.
func (l *listing) add(r submit.Record, open bool) bool {
	switch _, again := l.records[r.Key]; {
	case l.behind && open:
		l.records[r.Key] = r
	case l.behind:
		delete(l.records, r.Key)
	case open && !again:
		l.records[r.Key] = submit.Record{}
		return l.yield(r, nil)
	}
	return true
}

func (l *listing) finish() {
	if !l.behind {
		return
	}
	for _, r := range l.records {
		if !l.yield(r, nil) {
			return
		}
	}
}

// record returns the record of a message, and whether it is one that is not done.
func (s *Store) record(kind submit.Kind, msg jetstream.Msg, revision uint64) (r submit.Record, open bool, err error) {
	key, err := s.names.key(msg.Subject())
	if err != nil {
		return r, false, err
	}
	finished, _, err := done(msg.Headers())
	r = submit.Record{Kind: kind, Key: key, Value: msg.Data(), Revision: revision}
	return r, !finished && !gone(msg.Headers()), err
}
