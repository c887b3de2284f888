package natsstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

var (
	// ErrInUse is returned by [Open] if another store has the folder open, in
	// this process or another.
	ErrInUse = errors.New("natsstore: the folder is in use")

	// ErrDamaged is returned by [Open] if the folder lacks a record that was once
	// acknowledged, also each later time that it is opened. Restore a copy of the
	// folder, or move it away to start with an empty one.
	ErrDamaged = errors.New("natsstore: the folder is damaged")

	// ErrUnavailable is matched by the error of an operation that the server did not
	// carry out or did not answer. A change may have been made, or may still be made.
	ErrUnavailable = errors.New("natsstore: the server does not answer")

	// ErrClosed is returned by the methods of a store that was closed.
	ErrClosed = errors.New("natsstore: the store is closed")
)

// insufficientResources is the code of a server that has no room left, and messageTooLarge
// the code for a message that is larger than the bucket's own limit.
const (
	insufficientResources jetstream.ErrorCode = 10023
	messageTooLarge       jetstream.ErrorCode = 10054
)

// Store is a [submit.Store] on NATS JetStream. Make it with [Open]. All methods
// may be called concurrently.
//
// The error of a change matches [submit.ErrTooLarge] if the record, with some hundred bytes
// for the key and headers, is larger than the server takes: 1 MiB unless a cluster is
// configured otherwise.
type Store struct {
	options   Options
	names     names
	folder    *folder         // nil with a cluster
	ctx       context.Context // ends when Close begins
	end       context.CancelFunc
	closing   sync.Once
	menders   sync.WaitGroup
	sweeps    sync.WaitGroup
	lookAfter time.Duration // lookAnyway; tests change it
	sweeper   *sweeper
	told      sync.Map // sequences of messages that are no records

	mu      sync.RWMutex
	site    *site // nil while the server is down
	down    error // why it is
	mending bool
	sound   time.Time // when a probe last succeeded
}

var _ submit.Store = (*Store)(nil)

// Open opens the store, and makes it if there is none yet. It returns when the store can be
// used, or an error: [ErrInUse], [ErrDamaged], [ErrUnavailable], or what is wrong with
// options or the bucket. With a cluster that takes no longer than options.Timeout. A server
// in the process first reads its whole folder; if ctx ends meanwhile, Open returns at once,
// but the folder stays in use until the server has stopped.
//
// An open store recovers by itself: the client reconnects to its cluster, and a server in
// the process that stalls, such as on a full disk, is stopped and started anew until it
// works. Until then operations fail with ErrUnavailable.
func Open(ctx context.Context, options Options) (*Store, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s := &Store{options: options, names: names{options.Bucket}, lookAfter: lookAnyway}
	s.sweeper = newSweeper(rand.Text(), options.now)
	s.ctx, s.end = context.WithCancel(context.Background())
	if options.URL != "" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, options.Timeout,
			fmt.Errorf("%w: %s: no answer within %v", ErrUnavailable, options.where(), options.Timeout))
		defer cancel()
	}
	// In a goroutine of its own, since neither server nor client takes a context.
	opened := make(chan error, 1)
	go func() { opened <- s.open(ctx) }()
	select {
	case err := <-opened:
		if err != nil {
			return nil, err
		}
		return s, nil
	case <-ctx.Done():
		go func() {
			if <-opened == nil {
				s.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

func (s *Store) open(ctx context.Context) (err error) {
	if s.options.URL == "" {
		if s.folder, err = lockFolder(s.options.Dir); err != nil {
			return err
		}
	}
	if s.site, err = s.start(ctx); err != nil {
		if s.folder != nil {
			s.folder.release()
		}
		return err
	}
	messages := s.site.stream.CachedInfo().State.Msgs
	s.sweeps.Go(func() { s.sweepOn(messages) })
	return nil
}

// Close ends the store. Operations under way fail. A server in the process has stopped when
// Close returns. A second call does nothing and returns nil.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		s.mu.Lock()
		s.end()
		s.mu.Unlock()
		s.menders.Wait() // there are no new ones
		s.sweeps.Wait()
		err = s.close()
	})
	return err
}

func (s *Store) close() (err error) {
	s.mu.Lock()
	at := s.site
	s.site = nil
	s.mu.Unlock()
	if s.folder == nil {
		at.close()
		return nil
	}
	if at != nil {
		last, unknown := at.last(s.options.Timeout)
		at.close()
		if unknown == nil {
			err = s.folder.noteClosed(s.names, last)
		}
	}
	return errors.Join(err, s.folder.release())
}

// at returns the connection to use, or ErrClosed or ErrUnavailable.
func (s *Store) at() (*site, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.ctx.Err() != nil:
		return nil, ErrClosed
	case s.site == nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, s.down)
	}
	return s.site, nil
}

// Create implements [submit.Store].
func (s *Store) Create(ctx context.Context, r submit.Record) (uint64, error) {
	r.Revision = 0
	for {
		revision, err := s.put(ctx, r)
		if !errors.Is(err, submit.ErrConflict) {
			return revision, err
		}
		// There is a record, or the marker of a deleted one.
		msg, err := s.last(ctx, s.names.record(r.Kind, r.Key))
		switch {
		case errors.Is(err, submit.ErrNotFound):
			r.Revision = 0 // the marker was removed meanwhile
		case err != nil:
			return 0, err
		case !gone(msg.Header):
			return 0, submit.ErrExists
		default:
			r.Revision = msg.Sequence
		}
	}
}

// Update implements [submit.Store].
func (s *Store) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if r.Revision == 0 {
		return 0, submit.ErrConflict
	}
	return s.put(ctx, r)
}

// Delete implements [submit.Store].
func (s *Store) Delete(ctx context.Context, r submit.Record) error {
	if r.Revision == 0 {
		return submit.ErrConflict
	}
	if err := s.willDelete(r); err != nil {
		return err
	}
	return s.purge(ctx, r)
}

func (s *Store) purge(ctx context.Context, r submit.Record) error {
	msg := nats.NewMsg(s.names.record(r.Kind, r.Key))
	msg.Header.Set(operationHeader, "PURGE")
	_, err := s.change(ctx, "delete", msg, r.Revision, markers)
	return err
}

// willDelete adds deletions to the ledger, if there is one.
func (s *Store) willDelete(records ...submit.Record) error {
	if s.folder == nil || len(records) == 0 {
		return nil
	}
	entries := make([]entry, len(records))
	for i, r := range records {
		entries[i] = entry{subject: hashOf(s.names.record(r.Kind, r.Key)), sequence: r.Revision, gone: true}
	}
	err := s.folder.ledger.add(entries...)
	if err == nil && !s.options.NoSync {
		err = s.folder.ledger.sync()
	}
	if err != nil {
		return fmt.Errorf("%w: delete: %w", ErrUnavailable, err)
	}
	return nil
}

// addToLedger adds changes to the ledger, if there is one. If that fails, they are added later,
// which is logged; but not if the store was closed meanwhile: then nobody may take them for made.
func (s *Store) addToLedger(entries ...entry) error {
	if s.folder == nil {
		return nil
	}
	err := s.folder.ledger.add(entries...)
	if errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("%w, and the change may have been made", ErrClosed)
	}
	if err != nil {
		s.options.Logger.Warn("the ledger lacks a change", zap.Error(err))
	}
	return nil
}

// Get implements [submit.Store].
func (s *Store) Get(ctx context.Context, kind submit.Kind, key string) (submit.Record, error) {
	msg, err := s.last(ctx, s.names.record(kind, key))
	if err != nil {
		return submit.Record{}, err
	}
	if gone(msg.Header) {
		return submit.Record{}, submit.ErrNotFound
	}
	return decodeRecord(kind, key, msg.Header, msg.Data, msg.Sequence)
}

// put writes a record if its revision is still r.Revision.
func (s *Store) put(ctx context.Context, r submit.Record) (uint64, error) {
	revision, err := s.change(ctx, "write", s.message(r), r.Revision, 0)
	if errors.Is(err, submit.ErrTooLarge) {
		err = fmt.Errorf("%w: that of the %s %q has %d bytes", err, r.Kind, r.Key, len(r.Value))
	}
	if err == nil {
		s.noteKeep(r, revision)
	}
	return revision, err
}

// message returns the message that stores a record.
func (s *Store) message(r submit.Record) *nats.Msg {
	msg := nats.NewMsg(s.names.record(r.Kind, r.Key))
	msg.Data = r.Value
	if r.Done {
		msg.Header.Set(doneHeader, strconv.FormatInt(int64(r.Keep), 10))
	}
	if r.Label != "" {
		msg.Header.Set(labelHeader, r.Label)
	}
	return msg
}

// noteKeep tells the sweeper of a record that is to be deleted when its time is over.
func (s *Store) noteKeep(r submit.Record, revision uint64) {
	if r.Done && r.Keep > 0 {
		s.sweeper.kept(revision, r.Keep)
	}
}

// change publishes msg if the last message of its subject has this revision; zero means that
// there is none. If ttl is not zero, the server removes msg after it, by its own clock.
func (s *Store) change(ctx context.Context, what string, msg *nats.Msg, revision uint64, ttl time.Duration) (uint64, error) {
	options := []jetstream.PublishOpt{jetstream.WithExpectLastSequencePerSubject(revision)}
	if ttl > 0 {
		options = append(options, jetstream.WithMsgTTL(ttl))
	}
	return s.publish(ctx, what, msg, options...)
}

// publish hands msg to the leader, and returns its sequence.
func (s *Store) publish(ctx context.Context, what string, msg *nats.Msg, options ...jetstream.PublishOpt) (uint64, error) {
	var ack *jetstream.PubAck
	err := s.call(ctx, what, func(ctx context.Context, at *site) (err error) {
		ack, err = at.js.PublishMsg(ctx, msg, options...)
		// This code means that another change of the subject is under way, which may
		// still fail: ask again.
		for refusal(err) == jetstream.JSErrCodeStreamWrongLastSequenceConstant && pause.For(ctx, time.Millisecond) {
			ack, err = at.js.PublishMsg(ctx, msg, options...)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	if msg.Header.Get(operationHeader) == "" {
		if err := s.addToLedger(entry{subject: hashOf(msg.Subject), sequence: ack.Sequence}); err != nil {
			return 0, err
		}
	}
	return ack.Sequence, nil
}

// refusal returns the code of a server's refusal, or zero if err is none.
func refusal(err error) jetstream.ErrorCode {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode
	}
	return 0
}

// last asks the leader for the last message of a subject.
func (s *Store) last(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	var msg *jetstream.RawStreamMsg
	err := s.call(ctx, "read", func(ctx context.Context, at *site) (err error) {
		msg, err = at.stream.GetLastMsgForSubject(ctx, subject)
		return err
	})
	return msg, err
}

// call runs one operation, bounded by the timeout, and returns its error as one of this
// package, of package submit or of ctx.
func (s *Store) call(ctx context.Context, what string, operation func(context.Context, *site) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	at, err := s.at()
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err = operation(bounded, at)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: the server takes %d bytes", submit.ErrTooLarge, at.conn.MaxPayload())
	case refusal(err) == messageTooLarge:
		return fmt.Errorf("%w for the bucket", submit.ErrTooLarge)
	case ctx.Err() != nil:
		s.doubt(at)
		return context.Cause(ctx)
	case refusal(err) == jetstream.JSErrCodeStreamWrongLastSequence:
		return submit.ErrConflict
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return submit.ErrNotFound
	}
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		err = errors.New("there is no connection")
	case bounded.Err() != nil:
		err = fmt.Errorf("no answer within %v%s", s.options.Timeout, at.complaint())
	case refusal(err) == insufficientResources:
		err = fmt.Errorf("out of space, on the disk or of its limit: %w", err)
	}
	if s.ctx.Err() != nil {
		return fmt.Errorf("%w: %s: %w", ErrClosed, what, err)
	}
	s.mend(at)
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
}
