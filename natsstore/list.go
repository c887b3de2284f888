package natsstore

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

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

// list reads the last message of every record from one server, which may be behind the
// leader. A fence marks how far it must read: a message that the leader appends after all
// that was acknowledged before.
//
// If a record changes during the list, its old message may be removed before it is read, and
// its new one come after the fence. So when a fence is passed, and some sequences before it
// were missing, list puts up another fence and reads on.
func (s *Store) list(ctx context.Context, kind submit.Kind, yield func(submit.Record, error) bool) (err error) {
	messages := reader{
		names: s.names, subject: []string{s.names.kind(kind), s.names.fence()}, policy: jetstream.DeliverAllPolicy,
	}
	var floor uint64
	above := kind == submit.KindJob && s.folder != nil
	if above {
		if floor, err = s.floor(ctx); err != nil {
			return err
		}
		messages.last = floor
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
	var first uint64 // of a record that is not done; 0 if there was none
	more, err := s.readAll(ctx, &messages, func(msg jetstream.Msg, last uint64) (bool, error) {
		r, ok := s.record(kind, msg, last)
		if !ok {
			return true, nil
		}
		open := !r.Done && !gone(msg.Headers())
		if open && first == 0 {
			first = last
		}
		return found.add(r, open), nil
	})
	if err != nil || !more {
		return err
	}
	if above {
		s.raise(ctx, floor, cmp.Or(first, messages.last+1)-1)
	}
	found.finish()
	return nil
}

// readAll calls each with the messages of a reader, up to a fence after all that was
// acknowledged before the call; see list. It returns false if each did.
func (s *Store) readAll(ctx context.Context, messages *reader, each func(jetstream.Msg, uint64) (bool, error)) (more bool, err error) {
	var last uint64
	for range maxFences {
		fence, err := s.publish(ctx, "list", nats.NewMsg(s.names.fence()))
		if err != nil {
			return false, err
		}
		whole := true
		for last < fence {
			var msg jetstream.Msg
			before := last
			if err := s.call(ctx, "list", func(ctx context.Context, _ *site) (err error) {
				msg, last, err = messages.next(ctx)
				return err
			}); err != nil {
				return false, err
			}
			whole = whole && last == before+1
			if msg.Subject() == s.names.fence() {
				continue
			}
			if more, err := each(msg, last); err != nil || !more {
				return false, err
			}
		}
		if whole {
			break
		}
	}
	return true, nil
}

// floor returns a sequence up to which an earlier list has seen no pending job; a change
// of a job gives it a greater sequence. So outcomes that are kept for long are not read by
// each list. In a cluster there is no floor: a server that lacks records would hide them
// from lists by other servers.
func (s *Store) floor(ctx context.Context) (uint64, error) {
	msg, err := s.last(ctx, s.names.floor())
	if errors.Is(err, submit.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	floor, err := strconv.ParseUint(string(msg.Data), 10, 64)
	if err != nil {
		return 0, nil
	}
	return floor, nil
}

// raise notes a higher floor. The note has a greater sequence than the messages that it is
// about, so that a loss of the last changes removes the note too. With NoSync, a loss of
// power may lose other changes, and there is no note.
func (s *Store) raise(ctx context.Context, from, to uint64) {
	if to < from+raiseBy || s.options.NoSync {
		return
	}
	msg := nats.NewMsg(s.names.floor())
	msg.Data = strconv.AppendUint(nil, to, 10)
	_, _ = s.publish(ctx, "list", msg) // without it, the next list reads more
}

// raiseBy is the number of messages that take as long to read as a floor takes to write.
const raiseBy = 100

// listing is what a list has found.
type listing struct {
	yield   func(submit.Record, error) bool
	behind  bool // what is read may be replaced by what is read later
	records map[string]submit.Record
}

// add adds a record, and returns false if the loop was left. If the server cannot be behind,
// the record is yielded at once, so that a long list is not kept in memory.
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

// record decodes a message. The record may be deleted: see gone. A message that is no record,
// since somebody else put it there, is logged once and does not stop the others.
func (s *Store) record(kind submit.Kind, msg jetstream.Msg, revision uint64) (r submit.Record, ok bool) {
	key, err := s.names.key(msg.Subject())
	if err == nil {
		r, err = decodeRecord(kind, key, msg.Headers(), msg.Data(), revision)
	}
	if err != nil {
		s.strange(revision, err)
	}
	return r, err == nil
}

// strange tells of a message that is no record.
func (s *Store) strange(revision uint64, why error) {
	if _, told := s.told.LoadOrStore(revision, nil); !told {
		s.options.Logger.Warn("a message in the bucket is no record, and is left alone", zap.Uint64("sequence", revision), zap.Error(why))
	}
}

// decodeRecord returns the record of a message.
func decodeRecord(kind submit.Kind, key string, header nats.Header, value []byte, revision uint64) (r submit.Record, err error) {
	r = submit.Record{Kind: kind, Key: key, Value: value, Revision: revision, Label: header.Get(labelHeader)}
	r.Done, r.Keep, err = done(header)
	return r, err
}
