package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// stored returns h as another process gets it.
func stored(t *testing.T, h consistency.Pending) consistency.Pending {
	t.Helper()
	data, err := json.Marshal(h)
	require.NoError(t, err)
	var got consistency.Pending
	require.NoError(t, json.Unmarshal(data, &got))
	return got
}

// What one process left unconfirmed, another one confirms.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 202, 503} {
		for _, goal := range goals {
			bubble(t, fmt.Sprintf("%d to %s", status, goal), func(t *testing.T) {
				s := &service{writes: answers(status), reads: answers(401), found: [][]string{{"w1"}}}
				res, err := consistency.Do(t.Context(), s.policy(), s.to(goal))
				s.onePlainWrite(t, res, err)
				require.Equal(t, unconfirmed, res.Outcome)
				require.Len(t, s.started, 1)
				time.Sleep(24 * time.Hour)

				for _, h := range []consistency.Pending{res.Pending, s.started[0]} {
					other := &service{
						answered: time.Now(),
						reads:    []reply{{status: 403}, {status: 200, version: wanted}},
						found:    [][]string{{"w1"}},
					}
					want := seconds(0, 1)
					if goal == consistency.ToAbsent {
						other.reads = answers(200, 404, 404)
						want = seconds(0, 1, 2)
					}
					f := other.to(goal)
					f.Write = nil
					got, err := consistency.Resume(t.Context(), other.policy(), f, stored(t, h))
					require.NoError(t, err)
					other.told(t, got, err)
					assert.Empty(t, other.writeAt, "it writes nothing")
					assert.Equal(t, want, other.readAt)
					assert.Equal(t, "w1", got.Written.ID)
					assert.Equal(t, want[len(want)-1], got.Elapsed)
				}
			})
		}
	}
}

// The time and the windows begin anew, and are those of the write's class.
func TestResume_timeBeginsAnew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		read   int
		want   time.Duration
	}{
		{201, 404, 30 * time.Second},
		{503, 404, 2 * time.Minute},
		{202, 404, 10 * time.Minute},
		{201, 403, 10 * time.Second},
	}
	for _, tt := range tests {
		bubble(t, fmt.Sprintf("%d then %d", tt.status, tt.read), func(t *testing.T) {
			s := &service{writes: answers(tt.status), reads: answers(tt.read), found: [][]string{{"w1"}}}
			res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, tt.want, res.Elapsed)
			for range 2 {
				res, err = consistency.Resume(t.Context(), s.policy(), s.to(consistency.ToPresent), stored(t, res.Pending))
				s.onePlainWrite(t, res, err)
				assert.Equal(t, unconfirmed, res.Outcome)
				assert.Equal(t, tt.want, res.Elapsed)
			}
		})
	}
}

func TestResume_readsAtLeastOnce(t *testing.T) {
	t.Parallel()
	bubble(t, "however short the time", func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(404)}
		p := s.policy()
		p.Within = 1
		res, err := consistency.Do(t.Context(), p, s.create())
		s.onePlainWrite(t, res, err)
		reads := len(s.readAt)
		assert.NotZero(t, reads)

		s.reads = answers(200)
		_, err = consistency.Resume(t.Context(), p, s.create(), stored(t, res.Pending))
		require.NoError(t, err)
		assert.Len(t, s.readAt, reads+1)
	})
	bubble(t, "unless the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &service{writes: answers(201), reads: answers(401)}
		res, _ := consistency.Do(ctx, s.policy(), s.create())
		cancel()
		res, err := consistency.Resume(ctx, s.policy(), s.create(), stored(t, res.Pending))
		s.onePlainWrite(t, res, err)
		assert.Len(t, s.readAt, 1)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.False(t, res.Pending.IsZero())
	})
}

// Started is called before the first read, and with what is known by then.
func TestFlow_started(t *testing.T) {
	t.Parallel()
	bubble(t, "a crash while reading loses nothing", func(t *testing.T) {
		s := &service{writes: answers(201)}
		f := s.create()
		f.Read = func(context.Context, ref) (*item, error) {
			assert.Len(t, s.started, 1)
			panic("power failure")
		}
		assert.Panics(t, func() { _, _ = consistency.Do(t.Context(), s.policy(), f) })

		data, err := json.Marshal(s.started[0])
		require.NoError(t, err)
		assert.JSONEq(t, fmt.Sprintf(`{"readback":2,"name":"create item","goal":"present","class":"applied","written":{"ID":"w1"},"answered":%d}`,
			s.answered.UnixMilli()), string(data))
		assert.Len(t, s.writeAt, 1)
	})
	bubble(t, "not for what failed", func(t *testing.T) {
		s := &service{writes: answers(422)}
		_, err := consistency.Do(t.Context(), s.policy(), s.create())
		assert.ErrorIs(t, err, consistency.ErrFailed)
		assert.Empty(t, s.started)
	})
	bubble(t, "not again by Resume", func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(401)}
		res, _ := consistency.Do(t.Context(), s.policy(), s.create())
		_, _ = consistency.Resume(t.Context(), s.policy(), s.create(), res.Pending)
		assert.Len(t, s.started, 1)
	})
}

func TestResume_badHandle(t *testing.T) {
	t.Parallel()
	const good = `{"readback":1,"name":"create item","goal":"present","class":"applied","written":{"ID":"w1"}}`
	tests := []struct {
		name    string
		data    string
		wantErr string // of Unmarshal, or else of Resume
		resume  bool
	}{
		{"truncated", good[:40], "unexpected end of JSON input", false},
		{"not JSON", `create item`, "invalid character", false},
		{"not an object", `[1]`, "not a handle", false},
		{"empty object", `{}`, "not a handle", false},
		{"newer version", `{"readback":3,"name":"create item","goal":"present","class":"applied"}`, "version 3, newer than 2", false},
		{"unknown goal", `{"readback":1,"name":"create item","goal":"any","class":"applied"}`, `unknown goal "any"`, false},
		{"unknown class", `{"readback":1,"name":"create item","goal":"present","class":"refused"}`, `unknown class "refused"`, false},
		{"no class", `{"readback":1,"name":"create item","goal":"present"}`, `unknown class ""`, false},
		{"null", `null`, "there is no handle", true},
		{"other name", `{"readback":1,"name":"create thing","goal":"present","class":"applied","written":{"ID":"w1"}}`, `for flow "create thing", not for "create item"`, true},
		{"other goal", `{"readback":1,"name":"create item","goal":"match","class":"applied","written":{"ID":"w1"}}`, "for a flow to match, not to present", true},
		{"wrong reference", `{"readback":1,"name":"create item","goal":"present","class":"applied","written":"w1"}`, "reference does not fit the flow", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &service{reads: answers(200)}
			h := consistency.Pending{}
			err := json.Unmarshal([]byte(tt.data), &h)
			if tt.resume {
				require.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.wantErr)
				assert.True(t, h.IsZero(), "left as it was")
			}
			res, err := consistency.Resume(t.Context(), s.policy(), s.create(), h)
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.Equal(t, h, res.Pending, "nothing is lost")
			assert.ErrorIs(t, err, consistency.ErrInvalid)
			assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
			if tt.resume {
				assert.ErrorContains(t, err, tt.wantErr)
			}
			assert.Empty(t, s.writeAt)
			assert.Empty(t, s.readAt)
		})
	}
}

// A mistake of the program must not lose the write either.
func TestResume_badPolicyKeepsTheHandle(t *testing.T) {
	t.Parallel()
	s := &service{writes: answers(201), reads: answers(401)}
	res, err := consistency.Do(t.Context(), s.policy(), s.create())
	s.onePlainWrite(t, res, err)
	got, err := consistency.Resume(t.Context(), consistency.Policy{Settle: -1}, s.create(), res.Pending)
	assert.ErrorIs(t, err, consistency.ErrInvalid)
	assert.Equal(t, unconfirmed, got.Outcome)
	assert.Equal(t, res.Pending, got.Pending)
}

func TestPending_unmarshalKeepsOnError(t *testing.T) {
	t.Parallel()
	var h consistency.Pending
	require.NoError(t, json.Unmarshal([]byte(`{"readback":1,"name":"n","goal":"absent","class":"ambiguous","doubtful":true}`), &h))
	before := h
	require.Error(t, h.UnmarshalJSON([]byte(`{"readback":9,"name":"m","goal":"match","class":"applied"}`)))
	assert.Equal(t, before, h)
	assert.Equal(t, "n", h.Name())
}

func TestPending_zero(t *testing.T) {
	t.Parallel()
	type job struct {
		Handle consistency.Pending  `json:"handle"`
		Maybe  consistency.Pending  `json:"maybe,omitzero"`
		Other  *consistency.Pending `json:"other,omitempty"`
	}
	data, err := json.Marshal(job{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"handle":null}`, string(data))
	var got job
	require.NoError(t, json.Unmarshal(data, &got))
	assert.True(t, got.Handle.IsZero())
	assert.Empty(t, got.Handle.Name())
}

// A resumed write that was ambiguous needs a Find as before.
func TestResume_withoutFind(t *testing.T) {
	t.Parallel()
	s := &service{writes: answers(503), reads: answers(200)}
	res, err := consistency.Do(t.Context(), s.policy(), s.create())
	s.onePlainWrite(t, res, err)
	require.ErrorIs(t, err, consistency.ErrNoFind)

	res, err = consistency.Resume(t.Context(), s.policy(), s.create(), stored(t, res.Pending))
	assert.ErrorIs(t, err, consistency.ErrNoFind)
	assert.Equal(t, unconfirmed, res.Outcome)
	assert.Empty(t, s.readAt)

	s.found = [][]string{{"w1"}}
	res, err = consistency.Resume(t.Context(), s.policy(), s.to(consistency.ToPresent), stored(t, res.Pending))
	require.NoError(t, err)
	assert.Equal(t, confirmed, res.Outcome)
	assert.Len(t, s.writeAt, 1)
}

// A reference of which a field has another name since is not read, and the handle stays as it was: it
// may name another thing, or a list. One that only says more, or less, is read.
func TestResume_renamedField(t *testing.T) {
	t.Parallel()
	type (
		plain   struct{ ID string }
		wide    struct{ ID, Org string }
		named   struct{ Name string }
		leftOut struct {
			Org  string `json:",omitempty"`
			Name string `json:",omitempty"`
		}
	)
	resumes(t, "as it was", plain{"w1"}, true, func(r plain) string { return r.ID })
	resumes(t, "less", wide{"w1", "o"}, true, func(r plain) string { return r.ID })
	resumes(t, "more", plain{"w1"}, true, func(r wide) string { return r.ID })
	resumes(t, "another name", plain{"w1"}, false, func(r named) string { return r.Name })
	resumes(t, "another name, left out where it is empty", wide{"w1", "o"}, false, func(r leftOut) string { return r.Name })
}

func resumes[V, W any](t *testing.T, name string, before V, fits bool, id func(W) string) {
	t.Helper()
	bubble(t, name, func(t *testing.T) {
		policy := consistency.Policy{Within: time.Minute}
		res, err := consistency.Do(t.Context(), policy, consistency.Create("create", func(context.Context) (V, error) { return before, nil },
			func(context.Context, V) (*item, error) { return nil, consistency.Status(errors.New("not yet"), 404) }))
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		reads := 0
		got, err := consistency.Resume(t.Context(), policy, consistency.Create("create", func(context.Context) (w W, _ error) { return w, nil },
			func(_ context.Context, w W) (*item, error) {
				reads++
				assert.Equal(t, "w1", id(w))
				return &item{Code: 200}, nil
			}), stored(t, res.Pending))
		if fits {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, consistency.ErrInvalid)
		assert.Equal(t, unconfirmed, got.Outcome)
		assert.Zero(t, reads)
		assert.Equal(t, res.Pending, got.Pending)
	})
}
