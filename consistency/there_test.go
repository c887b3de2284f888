package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// readsAs is what a good answer with a value means, by goal. A match is asked of
// every value.
type readsAs struct{ present, absent shown }

var (
	unlikely = shown{poll.Unknown, "empty, which may be no answer"}

	thereIsNothing   = readsAs{notFound, ready}
	thereIsPerhaps   = readsAs{notFound, unlikely}
	thereIsSomething = readsAs{ready, stillThere}
)

// reading runs a flow to goal whose reads return the value, and returns what the
// first one meant.
func reading[R any](t *testing.T, goal consistency.Goal, value func() R, err error, set func(*consistency.Flow[int, R])) (shown, error) {
	t.Helper()
	var s service
	p := s.policy()
	p.Within, p.Settle = time.Second, 1
	write := func(context.Context) (int, error) { return 1, nil }
	read := func(context.Context, int) (R, error) { return value(), err }
	f := consistency.Create("flow", write, read)
	switch goal {
	case consistency.ToMatch:
		f = consistency.Update("flow", write, read, func(int, R) bool { return true })
	case consistency.ToAbsent:
		f = consistency.Delete("flow", 1, func(context.Context, int) error { return nil }, read)
	}
	if set != nil {
		set(&f)
	}
	_, end := consistency.Do(t.Context(), p, f)
	verdict, reason := s.judged(1)
	return shown{verdict, reason}, end
}

func reads[R any](t *testing.T, name string, want readsAs, value R) {
	t.Helper()
	readsNew(t, name, want, func() R { return value })
}

// readsNew is reads for a value that a read uses up.
func readsNew[R any](t *testing.T, name string, want readsAs, value func() R) {
	t.Helper()
	bubble(t, name, func(t *testing.T) {
		got, err := reading(t, consistency.ToPresent, value, nil, nil)
		assert.Equal(t, want.present, got, "present")
		assert.Equal(t, want.present == ready, err == nil)
		got, err = reading(t, consistency.ToAbsent, value, nil, nil)
		assert.Equal(t, want.absent, got, "absent")
		assert.Equal(t, want.absent == ready, err == nil)

		for _, accepts := range []bool{true, false} {
			asked := 0
			match := func(f *consistency.Flow[int, R]) {
				f.Match = func(int, R) bool { asked++; return accepts }
			}
			wantMatch := stale
			if accepts {
				wantMatch = ready
			}
			got, err = reading(t, consistency.ToMatch, value, nil, match)
			assert.Equal(t, wantMatch, got, "match")
			assert.NotZero(t, asked)
			assert.Equal(t, accepts, err == nil)

			wantPresent := want.present
			switch {
			case want == thereIsNothing: // no match makes it something
			case accepts:
				wantPresent = ready
			case want == thereIsSomething:
				wantPresent = stale
			}
			got, _ = reading(t, consistency.ToPresent, value, nil, match)
			assert.Equal(t, wantPresent, got, "present, with a match that says %v", accepts)
		}
	})
}

type (
	exists   bool
	envelope struct {
		Items []int
		Total int
	}
	deep struct {
		Page  envelope
		Next  *string
		Inner *envelope
		Meta  map[string]string
		When  time.Time
		Any   any
	}
	hiddenFields struct{ id string }
	raw          struct {
		Data  json.RawMessage
		Total json.Number
	}
)

type node struct {
	next *node
	Name string
}

func loop() *node {
	n := new(node)
	n.next = n
	return n
}

func loopOfMaps() map[string]any {
	m := make(map[string]any)
	m["m"] = m
	return m
}

func decoded[T any](text string) (v T) {
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err)
	}
	return v
}

// Cases A1, A4, A14, D7, D8: what is empty, in every type that a read may return.
func TestRead_whatIsThere(t *testing.T) {
	t.Parallel()
	no, yes := false, true
	var (
		noItem     *item
		noResponse *http.Response
		noAny      any
	)
	reads(t, "nil pointer", thereIsNothing, noItem)
	reads(t, "nil pointer to a bool", thereIsNothing, (*bool)(nil))
	reads(t, "nil response", thereIsNothing, noResponse)
	reads(t, "nil interface", thereIsNothing, noAny)
	reads(t, "nil pointer in an interface", thereIsNothing, any(noItem))
	reads(t, "nil pointer behind a pointer", thereIsNothing, &noItem)
	reads(t, "nil function", thereIsNothing, (func())(nil))
	reads(t, "nil channel", thereIsNothing, (chan int)(nil))
	reads(t, "false", thereIsNothing, false)
	reads(t, "false by another name", thereIsNothing, exists(false))
	reads(t, "pointer to false", thereIsNothing, &no)

	reads(t, "empty slice", thereIsPerhaps, []int{})
	reads(t, "nil slice", thereIsPerhaps, []int(nil))
	reads(t, "empty map", thereIsPerhaps, map[string]int{})
	reads(t, "nil map", thereIsPerhaps, map[string]int(nil))
	reads(t, "pointer to an empty slice", thereIsPerhaps, &[]int{})
	reads(t, "pointer to an empty map", thereIsPerhaps, &map[string]int{})
	reads(t, "struct of zeros", thereIsPerhaps, envelope{})
	reads(t, "pointer to a struct of zeros", thereIsPerhaps, &envelope{})
	reads(t, "struct with an empty list", thereIsPerhaps, envelope{Items: []int{}})
	reads(t, "struct of empty structs", thereIsPerhaps, deep{Page: envelope{Items: []int{}}, Inner: &envelope{}, Meta: map[string]string{}})
	reads(t, "struct with hidden fields of zero", thereIsPerhaps, hiddenFields{})

	// What a client makes of one that was asked for in a list and is not there.
	reads(t, "slice of a nil pointer", thereIsPerhaps, []*item{nil})
	reads(t, "slice of a nil", thereIsPerhaps, []any{nil, nil})
	reads(t, "slice of raw nulls", thereIsPerhaps, []json.RawMessage{json.RawMessage(" null"), nil})
	reads(t, "slice of raw JSON", thereIsSomething, []json.RawMessage{json.RawMessage("null"), json.RawMessage("{}")})
	reads(t, "struct with a slice of a nil", thereIsPerhaps, deep{Any: []any{nil}})
	reads(t, "map to a nil", thereIsPerhaps, map[string]*item{"9": nil})
	// What JSON makes of an envelope without a type.
	reads(t, "any map of nil", thereIsPerhaps, map[string]any{"data": nil})
	reads(t, "any map of what is empty", thereIsPerhaps, map[string]any{"items": []any{}, "total": 0.0, "next": "", "more": false})
	reads(t, "any map of maps", thereIsPerhaps, map[string]any{"data": map[string]any{"thing": nil}})
	reads(t, "any map of a number", thereIsPerhaps, map[string]any{"total": json.Number("0.0")})
	reads(t, "any of a map", thereIsPerhaps, any(map[string]any{"data": nil}))
	reads(t, "map of raw JSON", thereIsPerhaps, map[string]json.RawMessage{"data": json.RawMessage("null")})
	reads(t, "map of raw JSON that holds nothing", thereIsPerhaps, map[string]json.RawMessage{"total": json.RawMessage(" 0.0 "), "more": json.RawMessage("false"), "next": json.RawMessage(`""`), "items": json.RawMessage("[null]")})
	reads(t, "struct with a raw zero", thereIsPerhaps, raw{Data: json.RawMessage("0")})
	reads(t, "map of empty lists", thereIsPerhaps, map[string][]item{"items": {}, "more": nil})
	reads(t, "map of lists of nils", thereIsPerhaps, map[string][]*item{"items": {nil}})
	reads(t, "map of empty maps", thereIsPerhaps, map[string]map[string]any{"data": {"thing": nil}})
	reads(t, "struct with an empty map in an interface", thereIsPerhaps, deep{Any: map[string]any{}})
	reads(t, "struct with raw null", thereIsPerhaps, raw{Data: json.RawMessage("null")})
	reads(t, "struct with a raw empty list", thereIsPerhaps, raw{Data: json.RawMessage(" [ ] ")})
	reads(t, "struct with a number of JSON", thereIsPerhaps, raw{Total: "0"})
	reads(t, "struct with a zero time of another place", thereIsPerhaps, deep{When: time.Time{}.In(time.FixedZone("", 3600))})
	reads(t, "struct with a time that was decoded", thereIsPerhaps, decoded[deep](`{"When":"0001-01-01T00:00:00+00:00"}`))

	// What clients return that give out bodies as texts.
	for _, body := range []string{"null", "[]", "{}", " [null]\n", `{"items":[]}`} {
		reads(t, "text: "+body, thereIsPerhaps, body)
	}

	reads(t, "slice with a nil and something", thereIsSomething, []any{nil, 1})
	reads(t, "any map of something", thereIsSomething, map[string]any{"id": "9", "parent": nil})
	reads(t, "any map of a zero in a list", thereIsSomething, map[string]any{"items": []any{0.0}})
	reads(t, "set of any", thereIsSomething, map[string]any{"9": struct{}{}})
	reads(t, "struct that refers to itself", thereIsSomething, loop())
	reads(t, "map that refers to itself", thereIsSomething, loopOfMaps())
	reads(t, "set", thereIsSomething, map[string]struct{}{"9": {}})
	reads(t, "map to false", thereIsSomething, map[string]bool{"9": false})
	reads(t, "struct with raw JSON", thereIsSomething, raw{Data: json.RawMessage(`{"id":9}`)})
	reads(t, "struct with a raw number", thereIsSomething, raw{Data: json.RawMessage("7")})
	reads(t, "struct with raw text that is no JSON", thereIsSomething, raw{Data: json.RawMessage("0 and more")})
	reads(t, "map of a list", thereIsSomething, map[string][]int{"items": {0}})
	reads(t, "struct with bytes that are no JSON", thereIsSomething, struct{ Key []byte }{[]byte("null")})
	reads(t, "struct with another number of JSON", thereIsSomething, raw{Total: "1"})

	reads(t, "true", thereIsSomething, true)
	reads(t, "pointer to true", thereIsSomething, &yes)
	reads(t, "struct without fields", thereIsSomething, struct{}{})
	reads(t, "pointer to a struct without fields", thereIsSomething, &struct{}{})
	reads(t, "zero number", thereIsSomething, 0)
	reads(t, "zero float", thereIsSomething, 0.0)
	reads(t, "empty text", thereIsSomething, "")
	reads(t, "text that is no body", thereIsSomething, "false")
	reads(t, "text that begins like a body", thereIsSomething, "[draft] a title")
	reads(t, "text that begins like null", thereIsSomething, "nullable")
	reads(t, "text with something in it", thereIsSomething, `{"id":9}`)
	reads(t, "empty array", thereIsSomething, [0]int{})
	reads(t, "slice of one zero", thereIsSomething, []int{0})
	reads(t, "slice of a struct of zeros", thereIsSomething, []envelope{{}})
	reads(t, "map of one", thereIsSomething, map[string]int{"": 0})
	reads(t, "struct with a number", thereIsSomething, envelope{Total: 1})
	reads(t, "struct with a list", thereIsSomething, envelope{Items: []int{0}})
	reads(t, "struct with hidden fields", thereIsSomething, hiddenFields{id: "1"})
	reads(t, "struct with a number in an interface", thereIsSomething, deep{Any: 0})
	reads(t, "struct with a pointer to an empty text", thereIsSomething, deep{Next: new(string)})

	for body, want := range bodiesThere {
		name := strings.ReplaceAll(body, "/", "\\")
		if len(name) > 40 {
			name = name[:40]
		}
		reads(t, "bytes: "+name, want, []byte(body))
		reads(t, "raw JSON: "+name, want, json.RawMessage(body))
		reads(t, "pointer to raw JSON: "+name, want, (*json.RawMessage)(ptr([]byte(body))))
		readsNew(t, "response: "+name, want, func() *http.Response {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body))}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// Bodies, as bytes or in a response.
var bodiesThere = map[string]readsAs{
	"null":                                 thereIsNothing,
	" null\n":                              thereIsNothing,
	"\ufeffnull":                           thereIsNothing,
	"false":                                thereIsNothing,
	"":                                     thereIsPerhaps,
	"\r\n \t":                              thereIsPerhaps,
	"[]":                                   thereIsPerhaps,
	`""`:                                   thereIsPerhaps,
	"\ufeff \"\" ":                         thereIsPerhaps,
	`" "`:                                  thereIsSomething,
	" [ ] ":                                thereIsPerhaps,
	"{}":                                   thereIsPerhaps,
	"\ufeff{ }":                            thereIsPerhaps,
	`{"items":[]}`:                         thereIsPerhaps,
	`{"items":[],"total":0,"next":null}`:   thereIsPerhaps,
	`{"data":{"items":[]},"more":false}`:   thereIsPerhaps,
	"[0]":                                  thereIsSomething,
	"[null]":                               thereIsPerhaps, // of one that was asked for in a list
	"[null, null]":                         thereIsPerhaps,
	`{"things":[null]}`:                    thereIsPerhaps,
	`[null,{"id":"9"}]`:                    thereIsSomething,
	"[{}]":                                 thereIsSomething,
	"0":                                    thereIsSomething,
	"true":                                 thereIsSomething,
	`{"id":"9"}`:                           thereIsSomething,
	`{"total":1}`:                          thereIsSomething,
	"<html></html>":                        thereIsSomething,
	"nullable":                             thereIsSomething,
	"{}{}":                                 thereIsSomething,
	"[":                                    thereIsSomething,
	strings.Repeat(" ", 5<<10):             thereIsSomething,
	`[` + strings.Repeat(" ", 5<<10) + `]`: thereIsSomething,
}

// An answer to HEAD is judged by its status alone.
func TestRead_headByItsStatusAlone(t *testing.T) {
	t.Parallel()
	bubble(t, "of a response", func(t *testing.T) {
		head := func() *http.Response {
			return &http.Response{StatusCode: 200, Body: http.NoBody, Request: &http.Request{Method: http.MethodHead}}
		}
		got, err := reading(t, consistency.ToPresent, head, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, ready, got)
		got, _ = reading(t, consistency.ToAbsent, head, nil, nil)
		assert.Equal(t, stillThere, got)
	})
}

// Gone says what a deleted thing looks like, and no more than that.
func TestRead_gone(t *testing.T) {
	t.Parallel()
	gone := func(f *consistency.Flow[int, []int]) {
		f.Gone = func(list []int) bool { return len(list) == 0 }
	}
	bubble(t, "an empty list", func(t *testing.T) {
		got, err := reading(t, consistency.ToAbsent, func() []int { return []int{} }, nil, gone)
		require.NoError(t, err)
		assert.Equal(t, ready, got)
	})
	bubble(t, "a list with something in it", func(t *testing.T) {
		got, _ := reading(t, consistency.ToAbsent, func() []int { return []int{1} }, nil, gone)
		assert.Equal(t, stillThere, got)
	})
	bubble(t, "a tombstone", func(t *testing.T) {
		got, err := reading(t, consistency.ToAbsent, func() envelope { return envelope{Total: -1} }, nil, func(f *consistency.Flow[int, envelope]) {
			f.Gone = func(e envelope) bool { return e.Total < 0 }
		})
		require.NoError(t, err)
		assert.Equal(t, ready, got)
	})
}

// Case D7: a row that is not there is said to be so by Status.
func TestStatus_ofAnErrorWithoutOne(t *testing.T) {
	t.Parallel()
	nobody := func() *item { return nil }
	bubble(t, "gone", func(t *testing.T) {
		got, err := reading(t, consistency.ToAbsent, nobody, consistency.Status(errNoRows, 404), nil)
		require.NoError(t, err)
		assert.Equal(t, ready, got)
	})
	bubble(t, "not there yet", func(t *testing.T) {
		got, err := reading(t, consistency.ToPresent, nobody, consistency.Status(errNoRows, 404), nil)
		assert.Equal(t, notFound, got)
		assert.ErrorIs(t, err, errNoRows)
	})
	bubble(t, "not said", func(t *testing.T) {
		got, err := reading(t, consistency.ToAbsent, nobody, errNoRows, nil)
		assert.Equal(t, down, got)
		assert.ErrorContains(t, err, "no status was found in the error of the read, of type *errors.errorString")
		assert.ErrorContains(t, err, "consistency.Status(err, code)")
		assert.NotContains(t, err.Error(), "lost")
	})
	assert.NoError(t, consistency.Status(nil, 404))
}

// A match that looks into a nil does not accept it.
func TestRead_matchOfANil(t *testing.T) {
	t.Parallel()
	for _, goal := range []consistency.Goal{consistency.ToPresent, consistency.ToMatch} {
		bubble(t, goal.String(), func(t *testing.T) {
			got, err := reading(t, goal, func() *item { return nil }, nil, func(f *consistency.Flow[int, *item]) {
				f.Match = func(_ int, i *item) bool { return i.Version == wanted }
				f.Fault = func(_ int, i *item) error { return map[bool]error{true: errLost}[i.Version == broken] }
			})
			assert.Equal(t, poll.Pending, got.verdict)
			assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
		})
	}
}

// A rule that says that this is it is not asked whether anything is in it.
func TestRead_ruleOfTheEmpty(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := &service{writes: answers(201)}
		f := s.create()
		f.Read = func(context.Context, ref) (*item, error) { return new(item), nil }
		p := s.policy()
		p.Rules.Read = []consistency.ReadRule{{From: 200, Verdict: poll.Ready}}
		_, err := consistency.Do(t.Context(), p, f)
		require.NoError(t, err)
	})
}

// errNoRows stands for what a repository returns that found nothing.
var errNoRows = errors.New("no rows in result set")
