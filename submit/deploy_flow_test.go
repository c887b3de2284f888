package submit_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// After a deploy that gave a field another name, what was sent is not Failed when its key comes again:
// nobody knows whether it is the same job. What is another job for sure is told so.
func TestDeploy_renamedField(t *testing.T) {
	t.Parallel()
	type renamed struct{ Title string }
	bubble(t, "renamed", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		_, err := w.on(t, store).Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		res, err := jobsOf[renamed](t, w, store).Submit(t.Context(), "a", renamed{"x"})
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, submit.ErrKeyReused)
		res, err = w.on(t, store).Submit(t.Context(), "a", order{"y"})
		assert.Equal(t, failed, res.Outcome)
		assert.ErrorIs(t, err, submit.ErrKeyReused)
	})
}

// withRefs returns Options of jobs on w whose references are W, made by of from what the service
// calls a thing, and read by id.
func withRefs[W any](t *testing.T, w *world, store submit.Store, of func(string) W, id func(W) string,
	change func(*consistency.Flow[W, *thing]),
) submit.Options[order, W, *thing] {
	opts := submit.Options[order, W, *thing]{Store: store, Flow: func(key string, o order) consistency.Flow[W, *thing] {
		f := consistency.Create("create thing",
			func(ctx context.Context) (W, error) {
				named, err := w.write(ctx, key, o)
				return of(named), err
			},
			func(ctx context.Context, ref W) (*thing, error) {
				assert.NotEmpty(t, id(ref), "of a reference that nobody made, a read shows a list")
				return w.read(ctx, id(ref))
			})
		f.Find = func(context.Context) (refs []W, err error) {
			found, err := w.find(key)
			for _, named := range found {
				refs = append(refs, of(named))
			}
			return refs, err
		}
		f.Mine = func(ref W) bool { return id(ref) == key }
		if change != nil {
			change(&f)
		}
		return f
	}}
	opts.Policy.Within, opts.Policy.Schedule = 10*time.Minute, every(time.Second)
	if w.tracer != nil {
		opts.Policy.Tracer = w.tracer
	}
	return opts
}

func jobsWith[W any](t *testing.T, w *world, store submit.Store, of func(string) W, id func(W) string,
	change func(*consistency.Flow[W, *thing]),
) *submit.Submitter[order, W, *thing] {
	t.Helper()
	s, err := submit.New(withRefs(t, w, store, of, id, change))
	require.NoError(t, err)
	return s
}

// A job that an older program sent is confirmed by a newer one whose flow has another name, does
// something else, or has other references; and it is not sent again.
func TestDeploy_flow(t *testing.T) {
	t.Parallel()
	type (
		ref       struct{ ID string }
		renamed   struct{ Name string }
		wide      struct{ ID, Org string }
		wider     struct{ ID, Org, Region string }
		unordered struct {
			Org string `json:",omitempty"`
			Key string `json:",omitempty"`
		}
	)
	type program interface {
		Run(context.Context)
		Enqueue(context.Context, string, order) error
	}
	same := func(id string) string { return id }
	wides := func(t *testing.T, w *world, store submit.Store) program {
		return jobsWith(t, w, store, func(id string) wide { return wide{id, "o"} }, func(r wide) string { return r.ID }, nil)
	}
	texts := func(change func(*consistency.Flow[string, *thing])) func(*testing.T, *world, submit.Store) program {
		return func(t *testing.T, w *world, store submit.Store) program {
			return jobsWith(t, w, store, same, same, change)
		}
	}
	tests := []struct {
		name          string
		before, after func(*testing.T, *world, submit.Store) program
	}{
		{"another name", texts(nil), texts(func(f *consistency.Flow[string, *thing]) { f.Name = "make thing" })},
		{"another goal", texts(nil), texts(func(f *consistency.Flow[string, *thing]) {
			g := consistency.Update(f.Name, f.Write, f.Read, func(string, *thing) bool { return true })
			g.Find = f.Find
			*f = g
		})},
		{"references of another type", texts(nil), func(t *testing.T, w *world, store submit.Store) program {
			return jobsWith(t, w, store, func(id string) ref { return ref{id} }, func(r ref) string { return r.ID }, nil)
		}},
		{"a field of references has another name", wides, func(t *testing.T, w *world, store submit.Store) program {
			return jobsWith(t, w, store, func(id string) renamed { return renamed{id} }, func(r renamed) string { return r.Name }, nil)
		}},
		{"the same, of fields that are left out where they are empty", wides, func(t *testing.T, w *world, store submit.Store) program {
			return jobsWith(t, w, store, func(id string) unordered { return unordered{"o", id} }, func(r unordered) string { return r.Key }, nil)
		}},
		{"the same, read by lists", wides, func(t *testing.T, w *world, store submit.Store) program {
			opts := withRefs(t, w, store, func(id string) unordered { return unordered{"o", id} }, func(r unordered) string { return r.Key }, nil)
			opts.ReadMany = func(_ context.Context, _ string, refs []unordered) (func(unordered) (*thing, bool), error) {
				for _, r := range refs {
					assert.NotEmpty(t, r.Key, "nobody made such a reference")
				}
				return func(r unordered) (*thing, bool) {
					got, err := w.read(t.Context(), r.Key)
					return got, err == nil
				}, nil
			}
			s, err := submit.New(opts)
			require.NoError(t, err)
			return s
		}},
		{"a field of references is gone", wides, func(t *testing.T, w *world, store submit.Store) program {
			return jobsWith(t, w, store, func(id string) ref { return ref{id} }, func(r ref) string { return r.ID }, nil)
		}},
		{"a field of references is gone, and none can be found", wides, func(t *testing.T, w *world, store submit.Store) program {
			return jobsWith(t, w, store, func(id string) ref { return ref{id} }, func(r ref) string { return r.ID },
				func(f *consistency.Flow[ref, *thing]) { f.Find, f.Mine = nil, nil })
		}},
		{"a field of references is new, and none can be found", wides, func(t *testing.T, w *world, store submit.Store) program {
			return jobsWith(t, w, store, func(id string) wider { return wider{id, "o", "eu"} }, func(r wider) string { return r.ID },
				func(f *consistency.Flow[wider, *thing]) { f.Find, f.Mine = nil, nil })
		}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			w, store := &world{lag: 2 * time.Minute, tracer: &traced{name: "term"}}, submit.NewMemory()
			first := tt.before(t, w, store)
			require.NoError(t, first.Enqueue(context.WithValue(t.Context(), traceKey{}, "a request"), "a", order{"x"}))
			runFor(first, 10*time.Second)
			runFor(tt.after(t, w, store), 20*time.Minute)
			assert.Equal(t, []string{"term 1 of a after a request: left", "term 2 of a after term 1: confirmed"}, w.tracer.flows)
			r, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			res, err := submit.ResultOf[json.RawMessage](r)
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome, res.Err)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// Where nothing can be found again, a reference of which a field has another name now, or may have, is
// not read: it names another thing, or a list.
func TestDeploy_lostReference(t *testing.T) {
	t.Parallel()
	type (
		wide    struct{ ID, Org string }
		leftOut struct {
			Org string `json:",omitempty"`
			Key string `json:",omitempty"`
		}
		inside  struct{ Of []wide }
		insides struct{ Of []leftOut }
		parts   struct{ leftOut }
	)
	check := func(t *testing.T, w *world, store submit.Store, before, after interface{ Run(context.Context) }) {
		require.NoError(t, before.(interface {
			Enqueue(context.Context, string, order) error
		}).Enqueue(t.Context(), "a", order{"x"}))
		runFor(before, 10*time.Second)
		runFor(after, 20*time.Minute)
		assert.Contains(t, valueOf(t, store, "a"), `"outcome":"unconfirmed"`)
		assert.Equal(t, 1, w.sent("a"))
	}
	bubble(t, "left out", func(t *testing.T) {
		w, store := &world{lag: 2 * time.Minute}, submit.NewMemory()
		check(t, w, store,
			jobsWith(t, w, store, func(id string) wide { return wide{id, "o"} }, func(r wide) string { return r.ID }, nil),
			jobsWith(t, w, store, func(id string) leftOut { return leftOut{"o", id} }, func(r leftOut) string { return r.Key },
				func(f *consistency.Flow[leftOut, *thing]) { f.Find, f.Mine = nil, nil }))
	})
	bubble(t, "inside a list", func(t *testing.T) {
		w, store := &world{lag: 2 * time.Minute}, submit.NewMemory()
		check(t, w, store,
			jobsWith(t, w, store, func(id string) inside { return inside{[]wide{{id, "o"}}} }, func(r inside) string { return r.Of[0].ID }, nil),
			jobsWith(t, w, store, func(id string) insides { return insides{[]leftOut{{"o", id}}} }, func(r insides) string { return r.Of[0].Key },
				func(f *consistency.Flow[insides, *thing]) { f.Find, f.Mine = nil, nil }))
	})
	bubble(t, "of a part that is embedded", func(t *testing.T) {
		w, store := &world{lag: 2 * time.Minute}, submit.NewMemory()
		check(t, w, store,
			jobsWith(t, w, store, func(id string) wide { return wide{id, "o"} }, func(r wide) string { return r.ID }, nil),
			jobsWith(t, w, store, func(id string) parts { return parts{leftOut{"o", id}} }, func(r parts) string { return r.Key },
				func(f *consistency.Flow[parts, *thing]) { f.Find, f.Mine = nil, nil }))
	})
}

func runFor(s interface{ Run(context.Context) }, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	s.Run(ctx)
}

func valueOf(t *testing.T, store submit.Store, key string) string {
	t.Helper()
	r, err := store.Get(t.Context(), submit.KindJob, key)
	require.NoError(t, err)
	return string(r.Value)
}
