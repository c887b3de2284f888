package submit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// wideOrder is what a deploy made of order.
type wideOrder struct {
	Name string
	Tip  int
}

// jobsOf returns a Submitter of jobs J on w.
func jobsOf[J any](t *testing.T, w *world, store submit.Store, change ...func(*submit.Options[J, string, *thing])) *submit.Submitter[J, string, *thing] {
	t.Helper()
	opts := submit.Options[J, string, *thing]{
		Store: store,
		Flow:  func(key string, _ J) consistency.Flow[string, *thing] { return w.flow(key, order{}) },
	}
	for _, c := range change {
		c(&opts)
	}
	s, err := submit.New(opts)
	require.NoError(t, err)
	return s
}

// After a deploy that added a field, or took one away, the same key with the same job
// is the same job; with another it is not.
func TestDeploy_sameJob(t *testing.T) {
	t.Parallel()
	for _, pending := range []bool{true, false} {
		bubble(t, fmt.Sprint("pending ", pending), func(t *testing.T) {
			w := &world{lag: 10 * time.Second}
			store := submit.NewMemory()
			before := w.on(t, store)
			defer running(before)()
			require.NoError(t, before.Enqueue(t.Context(), "a", order{"x"}))
			if !pending {
				time.Sleep(time.Minute)
			}
			after := jobsOf[wideOrder](t, w, store)
			require.NoError(t, after.Enqueue(t.Context(), "a", wideOrder{Name: "x"}))
			_, err := after.Submit(t.Context(), "a", wideOrder{Name: "x", Tip: 1})
			require.ErrorIs(t, err, submit.ErrKeyReused)
			require.ErrorIs(t, err, consistency.ErrFailed)
			res, err := after.Submit(t.Context(), "a", wideOrder{Name: "x"})
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)

			_, err = after.Submit(t.Context(), "b", wideOrder{Name: "x", Tip: 1})
			require.NoError(t, err)
			_, err = before.Submit(t.Context(), "b", order{"x"})
			require.NoError(t, err, "back to the version before")
			assert.Equal(t, 1, w.sent("a"))
			assert.Equal(t, 1, w.sent("b"))
		})
	}
}

// What two submissions must agree on is the program's to say.
func TestDeploy_same(t *testing.T) {
	t.Parallel()
	bubble(t, "by the name alone", func(t *testing.T) {
		w := &world{}
		s := jobsOf(t, w, submit.NewMemory(), func(o *submit.Options[wideOrder, string, *thing]) {
			o.Same = func(first, again wideOrder) bool {
				assert.Equal(t, 1, first.Tip)
				return first.Name == again.Name
			}
		})
		_, err := s.Submit(t.Context(), "a", wideOrder{"x", 1})
		require.NoError(t, err)
		_, err = s.Submit(t.Context(), "a", wideOrder{"x", 2})
		require.NoError(t, err)
		_, err = s.Submit(t.Context(), "a", wideOrder{"y", 2})
		require.ErrorIs(t, err, submit.ErrKeyReused)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// Where no payload is left, a fingerprint that fits is the same job; one that does not
// proves nothing, since the type may have changed. The records of the first version
// had no more.
func TestDeploy_fingerprint(t *testing.T) {
	t.Parallel()
	without := func(o *options) { o.KeepPayload = -1 }
	for name, change := range map[string]func(*options){"dropped by option": without, "too long": func(o *options) { o.KeepPayload = 5 }} {
		bubble(t, name, func(t *testing.T) {
			w := &world{}
			store := submit.NewMemory()
			_, err := w.on(t, store, change).Submit(t.Context(), "a", order{"x"})
			require.NoError(t, err)
			r, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			assert.NotContains(t, string(r.Value), `"job"`)

			_, err = w.on(t, store).Submit(t.Context(), "a", order{"x"})
			require.NoError(t, err)
			_, err = jobsOf[wideOrder](t, w, store).Submit(t.Context(), "a", wideOrder{Name: "x"})
			require.ErrorIs(t, err, submit.ErrKeyReused)
			require.ErrorIs(t, err, consistency.ErrUnconfirmed)
			require.ErrorIs(t, w.on(t, store).Enqueue(t.Context(), "a", order{"y"}), consistency.ErrUnconfirmed)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// A record that nobody can read proves nothing: the job is never Failed, joined or
// sent.
func TestDeploy_unreadable(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"newer":             `{"submit":2,"state":"queued","holder":"x","job":{"Name":"x"}}`,
		"not JSON":          `{"submit":1,"sta`,
		"empty":             ``,
		"odd state":         `{"submit":1,"state":"dreaming","holder":"x"}`,
		"another payload":   `{"submit":1,"state":"queued","holder":"x","job":7}`,
		"ended, with that":  `{"submit":1,"state":"ended","holder":"x","job":[7],"end":{"outcome":"confirmed"}}`,
		"a newer payload":   `{"submit":1,"state":"queued","holder":"x","payload":{"version":1,"job":{"Name":"x"}}}`,
		"without a payload": `{"submit":1,"state":"queued","holder":"x","print":""}`,
	} {
		bubble(t, name, func(t *testing.T) {
			w := &world{}
			store := submit.NewMemory()
			_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte(value)})
			require.NoError(t, err)
			s := w.on(t, store)
			defer running(s)()
			res, err := s.Submit(within(t, time.Minute), "a", order{"x"})
			assert.Equal(t, unconfirmed, res.Outcome)
			require.ErrorIs(t, err, consistency.ErrUnconfirmed)
			err = s.Enqueue(within(t, time.Minute), "a", order{"x"})
			require.ErrorIs(t, err, consistency.ErrUnconfirmed)
			if name != "without a payload" {
				require.ErrorIs(t, err, submit.ErrUnreadable)
			}
			assert.Zero(t, w.sent("a"))
		})
	}
}

// The records of the program's last version are lifted into today's type, as long as
// they are pending and afterwards; those of its next version are left alone.
func TestDeploy_lift(t *testing.T) {
	t.Parallel()
	type renamed struct{ Title string }
	lifting := func(o *submit.Options[renamed, string, *thing]) {
		o.JobVersion = 1
		o.Lift = func(version int, job []byte) (renamed, error) {
			var old order
			err := json.Unmarshal(job, &old)
			return renamed{fmt.Sprint(old.Name, " of ", version)}, err
		}
	}
	bubble(t, "forth and back", func(t *testing.T) {
		w := &world{lag: time.Minute}
		store := submit.NewMemory()
		longer := func(o *options) { o.Policy.Within = time.Hour }
		before := w.on(t, store, longer)
		stop := running(before)
		require.NoError(t, before.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		stop()

		var titles sync.Map
		after := jobsOf(t, w, store, lifting, func(o *submit.Options[renamed, string, *thing]) {
			o.Policy.Within = time.Hour
			o.Flow = func(key string, job renamed) consistency.Flow[string, *thing] {
				titles.Store(job.Title, true)
				return w.flow(key, order{})
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { after.Run(ctx); close(over) }()
		require.NoError(t, after.Enqueue(ctx, "a", renamed{"x of 0"}))
		require.ErrorIs(t, after.Enqueue(ctx, "a", renamed{"x"}), submit.ErrKeyReused)
		require.NoError(t, after.Enqueue(ctx, "b", renamed{"new"}))
		time.Sleep(30 * time.Second)
		cancel()
		<-over
		_, lifted := titles.Load("x of 0")
		assert.True(t, lifted)

		defer running(before)()
		time.Sleep(10 * time.Minute)
		res, err := before.Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome, "it can go on with its own")
		res, err = before.Lookup(t.Context(), "b")
		require.NoError(t, err)
		assert.Zero(t, res.Outcome, "and leaves alone what it cannot read")
		_, err = before.Submit(t.Context(), "b", order{"new"})
		require.ErrorIs(t, err, submit.ErrUnreadable)
		res, err = after.Submit(t.Context(), "b", renamed{"new"})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, 1, w.sent("a"))
		assert.Equal(t, 1, w.sent("b"))
	})
}

// What a newer program has put into a record is still there when this one has worked
// on it.
func TestDeploy_keepsUnknown(t *testing.T) {
	t.Parallel()
	bubble(t, "members of the record", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		value := `{"submit":1,"state":"queued","holder":"gone","intent":"2000-01-01T00:00:00Z","print":"",` +
			`"job":{"Name":"x","Colour":"red"},"region":{"name":"eu"},"weight":7}`
		_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte(value)})
		require.NoError(t, err)
		s := w.on(t, store)
		defer running(s)()
		time.Sleep(time.Minute)
		r, err := store.Get(t.Context(), submit.KindJob, "a")
		require.NoError(t, err)
		for _, part := range []string{`"state":"ended"`, `"Colour":"red"`, `"region":{"name":"eu"}`, `"weight":7`} {
			assert.Contains(t, string(r.Value), part)
		}
	})
}

// A reference that is of another type since a deploy does not hide the outcome.
func TestDeploy_reference(t *testing.T) {
	t.Parallel()
	for _, refuse := range []error{nil, status(422)} {
		bubble(t, fmt.Sprint(refuse), func(t *testing.T) {
			w := &world{refuse: refuse}
			store := submit.NewMemory()
			first, _ := w.on(t, store).Submit(t.Context(), "a", order{"x"})
			if refuse != nil { // older versions also kept the empty reference of what was refused
				r, err := store.Get(t.Context(), submit.KindJob, "a")
				require.NoError(t, err)
				require.NotContains(t, string(r.Value), "written")
				r.Value = bytes.Replace(r.Value, []byte(`"outcome":`), []byte(`"written":"","outcome":`), 1)
				_, err = store.Update(t.Context(), r)
				require.NoError(t, err)
			}
			s, err := submit.New(submit.Options[order, int, *thing]{
				Store: store,
				Flow: func(string, order) consistency.Flow[int, *thing] {
					return consistency.Create("create thing", func(context.Context) (int, error) { return 0, nil },
						func(context.Context, int) (*thing, error) { return nil, status(404) })
				},
			})
			require.NoError(t, err)
			for name, ask := range map[string]func() (submit.Result[int], error){
				"Submit": func() (submit.Result[int], error) { return s.Submit(t.Context(), "a", order{"x"}) },
				"Lookup": func() (submit.Result[int], error) { return s.Lookup(t.Context(), "a") },
			} {
				res, err := ask()
				assert.Equal(t, first.Outcome, res.Outcome, name)
				assert.Zero(t, res.Written)
				var why *consistency.Error
				require.ErrorAs(t, err, &why, name)
				assert.Equal(t, first.Outcome, why.Outcome)
				assert.Equal(t, err, res.Err)
				assert.ErrorContains(t, err, "does not fit")
			}
		})
	}
}

// outward can be written as JSON, and not be read.
type outward struct{ name string }

func (o outward) MarshalJSON() ([]byte, error) { return json.Marshal(o.name) }

// hidden has what JSON does not show.
type hidden struct {
	Name   string
	secret string
}

// A job that its own JSON does not bring back is refused, and nothing is sent.
func TestJob_thatJSONChangesIsRefused(t *testing.T) {
	t.Parallel()
	t.Run("not", func(t *testing.T) {
		refuses(t, outward{"x"}, "cannot be read")
		refuses(t, hidden{"x", "y"}, "job.secret")
		refuses(t, fmt.Stringer(time.Second), "cannot be read")
		refuses[any](t, int64(9007199254740993), "int64")
		refuses(t, map[string]any{"n": int64(9007199254740993)}, "job[n]")
		refuses[any](t, order{"x"}, "job")
		refuses(t, struct {
			Done chan int `json:"-"`
		}{make(chan int)}, "job.Done")
		refuses(t, struct {
			Cached *order `json:"-"`
		}{&order{"x"}}, "job.Cached")
		refuses(t, "\xff", "job")
		refuses(t, []error{errors.New("x")}, "cannot be read")
	})
	t.Run("does", func(t *testing.T) {
		n := 7
		accepts(t, order{"x"})
		accepts(t, time.Now())
		accepts(t, struct {
			At   time.Time
			Ptr  *int
			Raw  json.RawMessage
			Any  any
			List []string `json:",omitempty"`
			Map  map[string]float64
			mu   sync.Mutex
		}{At: time.Now().UTC(), Ptr: &n, Raw: json.RawMessage(`{"a": 1}`), Any: map[string]any{"n": 1.5, "s": []any{"x", nil}}, List: []string{}, Map: nil})
		accepts(t, hidden{Name: "nothing that is hidden"})
		accepts[any](t, nil)
		accepts(t, int64(9007199254740993))
		accepts(t, json.Number("12345678901234567890"))
	})
}

func refuses[J any](t *testing.T, job J, want string) {
	t.Helper()
	w := &world{}
	store := newInbox()
	s := jobsOf[J](t, w, store)
	for way, in := range doors[J]() {
		err := in(t.Context(), s, store, "a", job)
		assert.Equal(t, failed, consistency.OutcomeOf(err), way)
		assert.ErrorIs(t, err, consistency.ErrInvalid, way)
		assert.ErrorContains(t, err, want, way)
	}
	_, err := store.Get(t.Context(), submit.KindJob, "a")
	assert.ErrorIs(t, err, submit.ErrNotFound)
	assert.Zero(t, w.sent("a"))
}

func accepts[J any](t *testing.T, job J) {
	t.Helper()
	w := &world{}
	_, err := jobsOf[J](t, w, submit.NewMemory()).Submit(t.Context(), "a", job)
	assert.NoError(t, err)
	assert.Equal(t, 1, w.sent("a"))
}

// A reference that no record has room for is still read back, and its outcome is
// recorded without it; after a crash it is looked for.
func TestReference_tooLong(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		bubble(t, fmt.Sprint("crash ", crash), func(t *testing.T) {
			w := &world{lag: 10 * time.Second}
			long := strings.Repeat("x", 1<<20)
			p := newProcess(w, bounded{submit.NewMemory()})
			change := func(p *process) func(*options) {
				return func(o *options) {
					o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
						f := p.flow(key, o)
						write, read := f.Write, f.Read
						f.Write = func(ctx context.Context) (string, error) {
							id, err := write(ctx)
							return id + long, err
						}
						f.Read = func(ctx context.Context, id string) (*thing, error) {
							return read(ctx, strings.TrimSuffix(id, long))
						}
						return f
					}
				}
			}
			s, stop := p.starts(t, change(p))
			if crash {
				require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
				time.Sleep(5 * time.Second)
				stop()
				p = newProcess(w, p.Store)
				s, stop = p.starts(t, change(p))
			}
			defer stop()
			res, err := s.Submit(within(t, 5*time.Minute), "a", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			if !crash {
				assert.Len(t, res.Written, len(long)+1, "here it is known")
			}
			assert.Equal(t, 1, w.sent("a"))
			res, err = s.Lookup(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
		})
	}
}

// bounded is a store that keeps what a Store must keep, and no more.
type bounded struct{ *submit.Memory }

func (b bounded) Update(ctx context.Context, r submit.Record) (uint64, error) {
	if len(r.Value) > 512<<10 {
		return 0, errors.New("too long")
	}
	return b.Memory.Update(ctx, r)
}
