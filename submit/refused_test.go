package submit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

var errRule = errors.New("a rule of the store refuses this record")

// ruled is a store that refuses some calls for one key, always, and answers all others.
type ruled struct {
	submit.Store
	key     string
	changes bool // it refuses to change the record, or else to show it
}

func (s ruled) refuses(kind submit.Kind, key string, change bool) error {
	if kind == submit.KindJob && key == s.key && change == s.changes {
		return errRule
	}
	return nil
}

func (s ruled) Create(ctx context.Context, r submit.Record) (uint64, error) {
	if err := s.refuses(r.Kind, r.Key, true); err != nil {
		return 0, err
	}
	return s.Store.Create(ctx, r)
}

func (s ruled) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if err := s.refuses(r.Kind, r.Key, true); err != nil {
		return 0, err
	}
	return s.Store.Update(ctx, r)
}

func (s ruled) Get(ctx context.Context, kind submit.Kind, key string) (submit.Record, error) {
	if err := s.refuses(kind, key, false); err != nil {
		return submit.Record{}, err
	}
	return s.Store.Get(ctx, kind, key)
}

func (s ruled) Watch(ctx context.Context, kind submit.Kind, key string, after uint64) (submit.Record, error) {
	if err := s.refuses(kind, key, false); err != nil {
		return submit.Record{}, err
	}
	return s.Store.Watch(ctx, kind, key, after)
}

// What the store says of one job is in the error of who waits for that job, whatever the store
// answered to others since.
func TestRefused_saysWhy(t *testing.T) {
	t.Parallel()
	one := func(yield func(string, order) bool) { yield("refused", order{"x"}) }
	calls := map[string]func(ctx context.Context, s *submitter) error{
		"Submit": func(ctx context.Context, s *submitter) error {
			_, err := s.Submit(ctx, "refused", order{"x"})
			return err
		},
		"Enqueue": func(ctx context.Context, s *submitter) error { return s.Enqueue(ctx, "refused", order{"x"}) },
		"SubmitAll": func(ctx context.Context, s *submitter) (err error) {
			for _, res := range s.SubmitAll(ctx, one) {
				err = res.Err
			}
			return err
		},
		"EnqueueAll": func(ctx context.Context, s *submitter) (err error) {
			for _, err = range s.EnqueueAll(ctx, one) {
			}
			return err
		},
		"Retry":  func(ctx context.Context, s *submitter) error { return s.Retry(ctx, "refused") },
		"Cancel": func(ctx context.Context, s *submitter) error { return s.Cancel(ctx, "refused") },
		"Forget": func(ctx context.Context, s *submitter) error { return s.Forget(ctx, "refused") },
		"Wait": func(ctx context.Context, s *submitter) (err error) {
			for _, res := range s.Wait(ctx, "refused") {
				err = res.Err
			}
			return err
		},
	}
	aside := `{"submit":1,"state":"aside","holder":"gone","intent":"2000-01-01T00:00:00Z","print":"","job":{"Name":"x"},` +
		`"broken":{"at":"2000-01-01T00:00:00Z","was":"queued","panic":"","stack":""}}`
	ended := `{"submit":1,"state":"ended","holder":"gone","intent":"2000-01-01T00:00:00Z","print":"","job":{"Name":"x"},` +
		`"end":{"outcome":"failed","at":"2000-01-01T00:00:00Z"}}`
	for name, call := range calls {
		for _, changes := range []bool{true, false} {
			for _, run := range []bool{true, false} {
				if changes && name == "Wait" {
					continue
				}
				bubble(t, fmt.Sprintf("%s, changes %v, run %v", name, changes, run), func(t *testing.T) {
					w, memory := &world{lag: time.Second}, submit.NewMemory()
					switch {
					case name == "Forget":
						put(t, memory, "refused", ended)
					case name == "Retry" || name == "Cancel" || name == "Wait" || !changes:
						put(t, memory, "refused", aside)
					}
					s := w.on(t, ruled{memory, "refused", changes}, everySecond)
					if run {
						defer running(s)()
					}
					go func() {
						for n := range 100 {
							_, _ = s.Submit(t.Context(), fmt.Sprint(n), order{"x"})
						}
					}()
					err := call(within(t, 20*time.Second+time.Duration(len(name))*time.Millisecond), s)
					require.Error(t, err)
					assert.ErrorIs(t, err, errRule)
				})
			}
		}
	}
}

// unwatched is a store that lets nobody wait for a job.
type unwatched struct{ submit.Store }

func (unwatched) Watch(context.Context, submit.Kind, string, uint64) (submit.Record, error) {
	return submit.Record{}, errRule
}

// So is what it says to who asks for a job of another process.
func TestRefused_elsewhere(t *testing.T) {
	t.Parallel()
	bubble(t, "it cannot be waited for", func(t *testing.T) {
		w, memory := &world{lag: time.Hour}, submit.NewMemory()
		long := func(o *options) { o.Policy.Within = 2 * time.Hour }
		first := w.on(t, memory, long)
		defer running(first)()
		require.NoError(t, first.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		second := w.on(t, unwatched{memory}, long)
		defer running(second)()
		var others sync.WaitGroup
		others.Go(func() {
			for n := range 100 {
				_ = second.Enqueue(t.Context(), fmt.Sprint(n), order{"x"})
				time.Sleep(10 * time.Millisecond)
			}
		})
		_, err := second.Submit(within(t, 900*time.Millisecond), "a", order{"x"})
		others.Wait()
		assert.ErrorIs(t, err, errRule)
	})
}

// once is a store that refuses the first change of each job.
type once struct {
	submit.Store
	refused sync.Map
}

func (s *once) Create(ctx context.Context, r submit.Record) (uint64, error) {
	if _, again := s.refused.LoadOrStore(r.Key, true); !again && r.Kind == submit.KindJob {
		return 0, errRule
	}
	return s.Store.Create(ctx, r)
}

// What has passed is not told.
func TestRefused_passes(t *testing.T) {
	t.Parallel()
	bubble(t, "before the job is recorded", func(t *testing.T) {
		w := &world{lag: time.Hour}
		s := w.on(t, &once{Store: submit.NewMemory()}, everySecond)
		defer running(s)()
		_, err := s.Submit(within(t, 10*time.Second), "a", order{"x"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, errRule)
	})
}
