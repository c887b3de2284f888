package workspaces

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Service is the whole service: an [http.Handler] with its log, its projectors
// and its asynchronous handler. It is safe for concurrent use. Make one with
// [Open].
type Service struct {
	options  Options
	db       *bolt.DB
	log      *eventLog
	commands *commandSide
	replicas *replicas
	faults   faults
	requests counter
	handler  http.Handler

	stopping context.Context // ends when Close begins, or with the first failure of a part
	stop     context.CancelCauseFunc
	parts    sync.WaitGroup
	shutOnce func() error
}

// errClosed is why a service stops that did not fail.
var errClosed = errors.New("workspaces: closed")

// Open opens the file, starts the projectors and the asynchronous handler, and
// returns the service. It does not wait for the projectors: reads of a file
// that was used before begin with 404, too, for a moment.
//
// It fails on invalid options, and on a file that another process has open.
func Open(options Options) (*Service, error) {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, err
	}
	path, temporary := options.Path, options.Path == ""
	if temporary {
		var err error
		if path, err = temporaryFile(); err != nil {
			return nil, err
		}
	}
	db, err := openDB(path, options.NoSync)
	if err != nil {
		if temporary {
			err = errors.Join(err, os.Remove(path))
		}
		return nil, err
	}

	log := &eventLog{db: db}
	s := &Service{
		options:  options,
		db:       db,
		log:      log,
		commands: &commandSide{db: db, log: log},
		faults:   faults{fromHeader: options.AllowFaults},
	}
	s.handler = s.routes()
	s.stopping, s.stop = context.WithCancelCause(context.Background())
	s.shutOnce = sync.OnceValue(func() error { return s.shut(path, temporary) })

	var projectors []*projector
	s.replicas, projectors = newReplicas(options, log)
	for _, p := range projectors {
		s.start(p.run)
	}
	s.start(func(ctx context.Context) error { return s.commands.runQueue(ctx, options.Logger) })
	return s, nil
}

// start runs a part of the service until it stops. If the part fails, so does
// the service: answers from half a service would be lies.
func (s *Service) start(run func(context.Context) error) {
	s.parts.Go(func() {
		if err := run(s.stopping); err != nil {
			s.options.Logger.Error("stopped", "error", err)
			s.stop(err)
		}
	})
}

// ServeHTTP answers a request. Once Close has begun it answers everything with
// 503.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close stops every goroutine of the service, waits for transactions under way
// and closes the file. Queued commands stay in it and go on when it is opened
// again; a temporary file is removed, with all that was queued.
//
// The error is the one that stopped a part of the service before, if any. Every
// further call returns the same.
func (s *Service) Close() error { return s.shutOnce() }

func (s *Service) shut(path string, temporary bool) error {
	s.stop(errClosed)
	s.parts.Wait()
	var failure error
	if cause := context.Cause(s.stopping); !errors.Is(cause, errClosed) {
		failure = cause
	}
	err := errors.Join(failure, s.db.Close())
	if temporary {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// Events iterates over the log from its beginning: what was really done, be it
// visible to reads or not. Events appended meanwhile are included. The iteration
// ends with an error if the log cannot be read, as after Close.
func (s *Service) Events() iter.Seq2[Event, error] { return s.log.all() }

// Requests returns how many requests came in, by method and path, as in
// "GET /v1/workspaces/{id}". Refused ones count; those to a path that the
// service does not know count under the path "/".
func (s *Service) Requests() map[string]int { return s.requests.all() }

// FailNext has the next n commands meet f. It replaces what an earlier call
// left; zero ends it. It fails if f is invalid or n negative. Options.AllowFaults
// does not matter here: it guards against clients, not against the owner.
func (s *Service) FailNext(n int, f Fault) error {
	if n < 0 {
		return fmt.Errorf("workspaces: FailNext: negative number of commands: %d", n)
	}
	if n > 0 {
		if err := f.validate(); err != nil {
			return err
		}
	}
	s.faults.set(n, f)
	return nil
}

func temporaryFile() (string, error) {
	file, err := os.CreateTemp("", "workspaces-*.db")
	if err != nil {
		return "", fmt.Errorf("workspaces: temporary file: %w", err)
	}
	return file.Name(), file.Close()
}

func openDB(path string, noSync bool) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		NoSync:  noSync,
		Timeout: time.Second, // for the file's lock: do not hang behind another process
	})
	if err != nil {
		return nil, fmt.Errorf("workspaces: open %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("workspaces: open %s: %w", path, err), db.Close())
	}
	return db, nil
}

// counter counts by name. Its zero value is ready.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *counter) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	c.counts[name]++
}

func (c *counter) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := maps.Clone(c.counts)
	if counts == nil {
		counts = map[string]int{}
	}
	return counts
}
