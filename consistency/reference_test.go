package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// handle is what is stored of a Pending.
type handle struct {
	Readback int
	Written  json.RawMessage
	Tries    int
	Answered int64
	Doubtful bool
	Trace    string
}

func fields(t *testing.T, h consistency.Pending) (got handle) {
	t.Helper()
	data, err := json.Marshal(h)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &got))
	return got
}

type (
	name     string
	optional struct{ ID int }
)

func (o optional) IsZero() bool { return o.ID == 0 }

type embedsNil struct {
	*optional
	ID string
}

type pointerZero struct{ ID int }

func (p *pointerZero) IsZero() bool { return p.ID == 0 }

// naming runs a creation whose write was answered well with w.
func naming[W any](t *testing.T, w W, find func(context.Context) ([]W, error), mine func(W) bool) (consistency.Result[W, int], int, error) {
	t.Helper()
	reads := 0
	f := consistency.Create("create", func(context.Context) (W, error) { return w, nil },
		func(context.Context, W) (int, error) { reads++; return 1, nil })
	f.Find, f.Mine = find, mine
	res, err := consistency.Do(t.Context(), consistency.Policy{Schedule: everySecond}, f)
	return res, reads, err
}

func namesNothing[W any](t *testing.T, title string, w, other W) {
	t.Helper()
	bubble(t, title, func(t *testing.T) {
		res, reads, err := naming(t, w, nil, nil)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNoReference)
		assert.NotErrorIs(t, err, consistency.ErrNoFind)
		assert.Zero(t, reads, "it is never read")
		assert.Nil(t, fields(t, res.Pending).Written)

		res, reads, err = naming(t, w, consistency.Known(other), nil)
		require.NoError(t, err, "one candidate of an applied write needs no Mine")
		assert.Equal(t, other, res.Written)
		assert.Equal(t, 1, reads)

		res, reads, _ = naming(t, w, consistency.Known(w), nil)
		assert.Equal(t, unconfirmed, res.Outcome, "what names nothing is no candidate")
		assert.Zero(t, reads)
	})
}

func namesSomething[W any](t *testing.T, title string, w W) {
	t.Helper()
	bubble(t, title, func(t *testing.T) {
		res, reads, err := naming(t, w, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, w, res.Written)
		assert.Equal(t, 1, reads)
	})
}

// Case A3 and its kind: a reference that names nothing, of every type.
func TestReference_namesNothing(t *testing.T) {
	t.Parallel()
	one := 1
	namesNothing(t, "empty text", "", "9")
	namesNothing(t, "empty text by another name", name(""), name("9"))
	namesNothing(t, "pointer to an empty text", new(string), ptr("9"))
	namesNothing(t, "pointer to an empty text in an interface", any(new(name)), any("9"))
	namesNothing(t, "pointer to a nil pointer", new(*int), ptr(&one))
	namesNothing(t, "nil pointer", (*int)(nil), &one)
	namesNothing(t, "nil slice", []int(nil), []int{1})
	namesNothing(t, "nil map", map[string]int(nil), map[string]int{"a": 1})
	namesNothing(t, "nil interface", any(nil), any("9"))
	namesNothing(t, "empty text in an interface", any(""), any("9"))
	namesNothing(t, "nil pointer in an interface", any((*optional)(nil)), any("9"))
	namesNothing(t, "pointer to an empty text behind an interface", ptr(any("")), ptr(any("9")))
	namesNothing(t, "says so", optional{}, optional{9})
	namesNothing(t, "says so by a pointer", pointerZero{}, pointerZero{9})
	namesNothing(t, "a pointer that says so", &pointerZero{}, &pointerZero{9})
	namesNothing(t, "zero time", time.Time{}, time.Unix(1, 0).UTC())

	namesSomething(t, "text", "0")
	namesSomething(t, "a space", " ")
	namesSomething(t, "zero", 0)
	namesSomething(t, "false", false)
	namesSomething(t, "struct without fields", struct{}{})
	namesSomething(t, "struct of zeros", struct{ ID string }{})
	namesSomething(t, "array", [2]int{})
	namesSomething(t, "what says that it is not", optional{1})
	namesSomething(t, "what panics when it is asked", embedsNil{ID: "1"})
}

// After an applied write several candidates need a Mine, and one does not.
func TestReference_foundAfterAnAppliedWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		found []string
		mine  func(string) bool
		want  string // empty is unconfirmed
		is    error
	}{
		{"one", []string{"a"}, nil, "a", nil},
		{"one that is not proven", []string{"a"}, func(string) bool { return false }, "", consistency.ErrNotProvablyMine},
		{"several", []string{"a", "b"}, nil, "", consistency.ErrNoReference},
		{"several, one of them ours", []string{"a", "b"}, func(id string) bool { return id == "b" }, "b", nil},
		{"several, all ours", []string{"a", "b"}, func(string) bool { return true }, "", consistency.ErrNotProvablyMine},
		{"the same twice", []string{"a", "a"}, nil, "a", nil}, // case D18
		{"one and an empty one", []string{"", "a"}, nil, "a", nil},
		{"none", nil, nil, "", consistency.ErrNotProvablyMine},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			res, reads, err := naming(t, "", func(context.Context) ([]string, error) { return tt.found, nil }, tt.mine)
			if tt.want != "" {
				require.NoError(t, err)
				assert.Equal(t, tt.want, res.Written)
				return
			}
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, tt.is)
			assert.Zero(t, reads)
		})
	}
}

// Cases D18, E5: candidates that are listed twice are one, of any type; the error
// says how many there were and which.
func TestFind_candidates(t *testing.T) {
	t.Parallel()
	bubble(t, "overlapping pages after a lost answer", func(t *testing.T) {
		s := &service{writes: answers(503), reads: answers(200), found: [][]string{{"w1", "x", "w1"}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		require.NoError(t, err)
		assert.Equal(t, "w1", res.Written.ID)
	})
	bubble(t, "references that cannot be compared", func(t *testing.T) {
		f := consistency.Create("create", func(context.Context) ([]string, error) { return nil, &fault{status: 503} },
			func(context.Context, []string) (int, error) { return 1, nil })
		f.Find = func(context.Context) ([][]string, error) { return [][]string{{"a", "b"}, {"a", "b"}}, nil }
		f.Mine = func(w []string) bool { return w[0] == "a" }
		_, err := consistency.Do(t.Context(), consistency.Policy{Schedule: everySecond}, f)
		require.NoError(t, err)
	})
	for want, found := range map[string][]string{
		"none was found":                         nil,
		`of 3 found ("x", "y", "z")`:             {"x", "y", "z"},
		`of 2 found ("w1", "w2"), Mine proves 2`: {"w1", "w2"},
	} {
		bubble(t, want, func(t *testing.T) {
			f := consistency.Create("create", func(context.Context) (string, error) { return "", &fault{status: 503} },
				func(context.Context, string) (int, error) { return 1, nil })
			f.Find = func(context.Context) ([]string, error) { return found, nil }
			f.Mine = func(id string) bool { return id[0] == 'w' }
			_, err := consistency.Do(t.Context(), consistency.Policy{Schedule: everySecond}, f)
			assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)
			assert.ErrorContains(t, err, want)
		})
	}
	bubble(t, "and no Mine", func(t *testing.T) {
		f := consistency.Create("create", func(context.Context) (string, error) { return "", &fault{status: 503} },
			func(context.Context, string) (int, error) { return 1, nil })
		f.Find = consistency.Known("x")
		_, err := consistency.Do(t.Context(), consistency.Policy{}, f)
		assert.ErrorContains(t, err, `one was found, "x", and the flow has no Mine`)
	})
}

func refusedType[W any](t *testing.T, title string) {
	t.Helper()
	t.Run(title, func(t *testing.T) {
		calls := 0
		f := consistency.Create("create", func(context.Context) (w W, err error) { calls++; return w, nil },
			func(context.Context, W) (int, error) { calls++; return 1, nil })
		res, err := consistency.Do(t.Context(), consistency.Policy{}, f)
		assert.Equal(t, failed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrInvalid)
		assert.ErrorContains(t, err, "the reference cannot be kept in a handle")
		assert.Zero(t, calls, "nothing was sent")
	})
}

type onlyEncodes struct{ ID int }

func (onlyEncodes) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

// Case A11: what JSON cannot carry is refused before anything is sent, where the
// type shows it.
func TestReference_typesThatJSONCannotCarry(t *testing.T) {
	t.Parallel()
	refusedType[func()](t, "function")
	refusedType[chan int](t, "channel")
	refusedType[complex128](t, "complex number")
	refusedType[*http.Response](t, "response")
	refusedType[error](t, "error")
	refusedType[fmt.Stringer](t, "interface with methods")
	refusedType[struct{ id string }](t, "hidden fields alone")
	refusedType[struct{ Next chan int }](t, "a field of a channel")
	refusedType[map[float64]string](t, "map with keys of floats")
	refusedType[[]func()](t, "list of functions")
	refusedType[onlyEncodes](t, "what encodes itself and cannot be decoded")
}

func survives[W any](t *testing.T, title string, w W) {
	t.Helper()
	bubble(t, title, func(t *testing.T) {
		stops := true
		var got W
		read := func(_ context.Context, w W) (int, error) {
			got = w
			if stops {
				return 0, &fault{status: 401}
			}
			return 1, nil
		}
		f := consistency.Create("create", func(context.Context) (W, error) { return w, nil }, read)
		res, err := consistency.Do(t.Context(), consistency.Policy{}, f)
		require.Error(t, err)
		require.NoError(t, res.Pending.Missing())
		var zero W
		got, stops = zero, false
		_, err = consistency.Resume(t.Context(), consistency.Policy{}, f, stored(t, res.Pending))
		require.NoError(t, err)
		assert.Equal(t, w, got, "read as the same one")
	})
}

func isTold[W any](t *testing.T, title string, w W) {
	t.Helper()
	bubble(t, title, func(t *testing.T) {
		var started consistency.Pending
		f := consistency.Create("create", func(context.Context) (W, error) { return w, nil },
			func(context.Context, W) (int, error) { return 0, &fault{status: 401} })
		f.Started = func(_ context.Context, h consistency.Pending) error {
			started = h
			return fmt.Errorf("told: %w", h.Missing())
		}
		res, err := consistency.Do(t.Context(), consistency.Policy{}, f)
		assert.Equal(t, unconfirmed, res.Outcome)
		require.Error(t, started.Missing(), "in Started")
		require.Error(t, res.Started)
		require.Error(t, res.Pending.Missing())
		assert.ErrorContains(t, err, "the handle has no reference")
		assert.ErrorIs(t, err, res.Pending.Missing())
		assert.Nil(t, fields(t, res.Pending).Written, "it is left out")

		f.Started = nil
		_, err = consistency.Resume(t.Context(), consistency.Policy{}, f, stored(t, res.Pending))
		assert.ErrorIs(t, err, consistency.ErrNoReference, "to be found again")
	})
}

// Case A11: a reference survives the handle exactly, or it is told that it does
// not.
func TestReference_throughAHandle(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID      int64
		Version *int     `json:",omitempty"`
		Labels  []string `json:"labels"`
		Secret  string   `json:"-"`
	}
	survives(t, "text", "9")
	survives(t, "text with everything", "<&>\u2028\x00 \"")
	survives(t, "zero", 0)
	survives(t, "largest integer", int64(math.MaxInt64))
	survives(t, "largest unsigned integer", uint64(math.MaxUint64))
	survives(t, "float", math.Pi)
	survives(t, "struct", thing{ID: 1<<53 + 1, Version: ptr(3), Labels: []string{"a"}})
	survives(t, "pointer to a struct", &thing{ID: 1, Labels: []string{}})
	survives(t, "array", [2]string{"a", "b"})
	survives(t, "bytes", []byte{0, 255})
	survives(t, "map of integers", map[int]string{7: "a"})
	survives(t, "text in an interface", any("9"))
	survives(t, "float in an interface", any(1.5))
	survives(t, "list in an interface", any([]any{"a", 1.0, nil, true}))
	survives(t, "time", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))
	survives(t, "raw JSON", json.RawMessage(`{"id":9007199254740993}`))
	survives(t, "number of JSON", json.Number("9007199254740993"))

	isTold(t, "not a number", math.NaN())
	isTold(t, "infinity", math.Inf(1))
	isTold(t, "large integer in an interface", any(int64(1<<53+1)))
	isTold(t, "small integer in an interface", any(7))
	isTold(t, "struct in an interface", any(thing{ID: 1}))
	isTold(t, "channel in an interface", any(make(chan int)))
	isTold(t, "not a number, deep", map[string][]float64{"a": {1, math.NaN()}})
	isTold(t, "text that is no UTF-8", "a\xff")
	isTold(t, "hidden field that is set", struct {
		ID     string
		hidden int
	}{"1", 2})
}

// Handles of version 1 are read: when the write was answered and how many tries
// there were is unknown then, and null is no reference.
func TestPending_versions(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, data string) (h consistency.Pending) {
		require.NoError(t, json.Unmarshal([]byte(data), &h))
		return h
	}
	bubble(t, "version 1 is gone on with", func(t *testing.T) {
		s := &service{reads: answers(200), answered: time.Now()}
		h := read(t, `{"readback":1,"name":"create item","goal":"present","class":"applied","written":{"ID":"w1"}}`)
		_, err := consistency.Resume(t.Context(), s.policy(), s.create(), h)
		require.NoError(t, err)
		assert.Equal(t, []string{"w1"}, s.readIDs)
		assert.Equal(t, 2, fields(t, h).Readback)
	})
	for _, version := range []int{1, 2} {
		bubble(t, fmt.Sprintf("null of version %d is no reference", version), func(t *testing.T) {
			s := &service{reads: answers(200), answered: time.Now()}
			h := read(t, fmt.Sprintf(`{"readback":%d,"name":"create item","goal":"present","class":"applied","written":null}`, version))
			_, err := consistency.Resume(t.Context(), s.policy(), s.create(), h)
			assert.ErrorIs(t, err, consistency.ErrNoReference)
			assert.Empty(t, s.readAt)
			f := s.create()
			f.Find = consistency.Known(ref{ID: "w2"})
			_, err = consistency.Resume(t.Context(), s.policy(), f, h)
			require.NoError(t, err)
			assert.Equal(t, []string{"w2"}, s.readIDs)
		})
	}
	bubble(t, "an empty reference in a handle is not read", func(t *testing.T) {
		reads := 0
		f := consistency.Create("create", func(context.Context) (string, error) { return "", nil },
			func(context.Context, string) (int, error) { reads++; return 1, nil })
		_, err := consistency.Resume(t.Context(), consistency.Policy{}, f,
			read(t, `{"readback":1,"name":"create","goal":"present","class":"applied","written":""}`))
		assert.ErrorIs(t, err, consistency.ErrNoReference)
		assert.Zero(t, reads)
	})
	t.Run("what cannot be is refused", func(t *testing.T) {
		t.Parallel()
		for _, data := range []string{
			`{"readback":2,"name":"n","goal":"present","class":"applied","tries":-1}`,
			`{"readback":2,"name":"n","goal":"present","class":"applied","tries":-4294967295}`,
			`{"readback":2,"name":"n","goal":"present","class":"applied","answered":-1}`,
			`{"readback":2,"name":"n","goal":"present","class":"failed"}`,
			`{"readback":3,"name":"n","goal":"present","class":"applied"}`,
			`{"readback":0,"name":"n","goal":"present","class":"applied"}`,
			`{"readback":-1,"name":"n","goal":"present","class":"applied"}`,
			`{"name":"n","goal":"present","class":"applied"}`,
		} {
			var h consistency.Pending
			assert.Error(t, json.Unmarshal([]byte(data), &h), data)
			assert.True(t, h.IsZero())
		}
	})
	bubble(t, "the trace context goes along, and means nothing", func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(401)}
		res, _ := consistency.Do(t.Context(), s.policy(), s.create())
		const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		h := stored(t, res.Pending.WithTrace(trace))
		assert.Equal(t, trace, h.Trace())
		assert.Empty(t, res.Pending.Trace())
		s.reads = answers(404)
		var course consistency.Course
		_, err := consistency.NewStepper(s.policy(), s.create()).Visit(t.Context(), &h, &course, time.Time{})
		require.NoError(t, err)
		assert.Equal(t, trace, h.Trace(), "a visit keeps it")
	})
}

// Started gets the flow's context, and its error ends nothing and is told.
func TestFlow_startedFails(t *testing.T) {
	t.Parallel()
	type key struct{}
	errDisk := errors.New("disk full")
	bubble(t, "told", func(t *testing.T) {
		for _, reads := range []int{200, 401} {
			s := &service{writes: answers(201), reads: answers(reads)}
			f := s.create()
			f.Started = func(ctx context.Context, _ consistency.Pending) error {
				assert.Equal(t, 1, ctx.Value(key{}))
				return errDisk
			}
			res, err := consistency.Do(context.WithValue(t.Context(), key{}, 1), s.policy(), f)
			assert.Equal(t, reads == 200, res.Outcome == confirmed)
			assert.Equal(t, errDisk, res.Started)
			if err != nil {
				assert.ErrorIs(t, err, errDisk)
				assert.ErrorContains(t, err, "the callback Started: disk full")
			}
		}
	})
}

// A deletion of what an empty text names is refused before it is sent.
func TestDelete_emptyReference(t *testing.T) {
	t.Parallel()
	deletesNothing(t, "empty text", name(""))
	deletesNothing(t, "nil pointer", (*item)(nil))
	deletesNothing(t, "nil interface", any(nil))
	deletesNothing(t, "empty text in an interface", any(""))
	deletesNothing(t, "nil list", []string(nil))
	deletesNothing(t, "says so", optional{})
}

func deletesNothing[W any](t *testing.T, title string, w W) {
	t.Helper()
	t.Run(title, func(t *testing.T) {
		calls := 0
		f := consistency.Delete("delete", w, func(context.Context, W) error { calls++; return nil },
			func(context.Context, W) (int, error) { calls++; return 0, nil })
		res, err := consistency.Do(t.Context(), consistency.Policy{}, f)
		assert.Equal(t, failed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrInvalid)
		assert.Zero(t, calls)
	})
}

// A deletion knows what it deletes, also where the handle could not keep it: it is
// never read by another id.
func TestDelete_referenceThatAHandleDoesNotKeep(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const id = int64(1<<53 + 1)
		var got []any
		status := 401
		f := consistency.Delete("delete", any(id), func(context.Context, any) error { return nil },
			func(_ context.Context, w any) (int, error) { got = append(got, w); return 0, &fault{status: status} })
		p := consistency.Policy{Schedule: everySecond}
		res, err := consistency.Do(t.Context(), p, f)
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		require.Error(t, res.Pending.Missing())
		lost := f.Lost()
		assert.Error(t, lost.Missing(), "it is left out, and told")
		assert.Nil(t, fields(t, lost).Written)
		status = 404
		for _, h := range []consistency.Pending{res.Pending, lost} {
			got = nil
			_, err = consistency.Resume(t.Context(), p, f, stored(t, h))
			require.NoError(t, err)
			assert.Equal(t, []any{id, id}, got)
			got = nil
			_, err = visitAll(t.Context(), p, f, stored(t, h), new(consistency.Course))
			require.NoError(t, err)
			assert.Equal(t, []any{id, id}, got)
		}
	})
}

type oddEncoding struct{ ID string }

func (oddEncoding) MarshalJSON() ([]byte, error) { panic("no way to encode it") }
func (*oddEncoding) UnmarshalJSON([]byte) error  { return nil }

// A reference whose encoding panics is told like one that JSON does not carry: the
// write was sent, and its run must not be lost.
func TestReference_encodingPanics(t *testing.T) {
	t.Parallel()
	isTold(t, "of a write", oddEncoding{"1"})
	bubble(t, "of candidates", func(t *testing.T) {
		f := consistency.Create("create", func(context.Context) (oddEncoding, error) { return oddEncoding{}, errLost },
			func(context.Context, oddEncoding) (int, error) { return 1, nil })
		f.Find = func(context.Context) ([]oddEncoding, error) { return []oddEncoding{{"1"}, {"2"}}, nil }
		_, err := consistency.Do(t.Context(), consistency.Policy{Schedule: everySecond}, f)
		assert.ErrorContains(t, err, "2 were found (a consistency_test.oddEncoding, a consistency_test.oddEncoding)")
	})
}
