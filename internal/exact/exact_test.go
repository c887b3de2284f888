package exact_test

import (
	"encoding/json"
	"io"
	"math"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/exact"
)

type (
	hidden  struct{ _ string }
	partly  struct{ ID, secret string }
	half    struct{ ID string }
	tree    struct{ Next *tree }
	level   int
	leftOut struct {
		ID   string
		Memo func() `json:"-"`
	}
)

type (
	timed struct { // encoded as the time alone
		time.Time
		ID string
	}
	rawAnd struct {
		json.RawMessage
		ID string
	}
	parts struct{ First, Second string }
)

func (p parts) MarshalText() ([]byte, error) { return []byte(p.First + "/" + p.Second), nil }

func (p *parts) UnmarshalText(text []byte) error {
	p.First, p.Second, _ = strings.Cut(string(text), "/")
	return nil
}

func (half) MarshalJSON() ([]byte, error) { return []byte(`"half"`), nil }

func TestType(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give reflect.Type
		ok   bool
	}{
		{"text", reflect.TypeFor[string](), true},
		{"a number", reflect.TypeFor[int64](), true},
		{"nothing", reflect.TypeFor[struct{}](), true},
		{"any", reflect.TypeFor[any](), true},
		{"a time", reflect.TypeFor[time.Time](), true},
		{"a pointer", reflect.TypeFor[*url.URL](), true},
		{"itself inside", reflect.TypeFor[tree](), true},
		{"a map", reflect.TypeFor[map[string][]int](), true},
		{"what is left out", reflect.TypeFor[leftOut](), true},
		{"raw", reflect.TypeFor[json.RawMessage](), true},
		{"some fields hidden", reflect.TypeFor[partly](), true},

		{"all fields hidden", reflect.TypeFor[hidden](), false},
		{"a function", reflect.TypeFor[func()](), false},
		{"a channel", reflect.TypeFor[chan int](), false},
		{"a complex number", reflect.TypeFor[complex128](), false},
		{"an interface", reflect.TypeFor[io.Reader](), false},
		{"a response", reflect.TypeFor[*http.Response](), false},
		{"encoded only", reflect.TypeFor[half](), false},
		{"keys", reflect.TypeFor[map[float64]string](), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.ok, exact.Type(tt.give) == nil, "%v", exact.Type(tt.give))
		})
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"text":                          encodes(t, "a"),
		"text with marks":               encodes(t, "<a&b>"),
		"a great number":                encodes(t, int64(math.MaxInt64)),
		"a number of a kind of its own": encodes(t, level(3)),
		"text in an interface":          encodes[any](t, "a"),
		"nil in an interface":           encodes[any](t, nil),
		"a float in an interface":       encodes[any](t, 1.5),
		"a time":                        encodes(t, time.Now()),
		"a URL":                         encodes(t, &url.URL{Scheme: "http", Host: "api.test"}),
		"a nil pointer":                 encodes[*string](t, nil),
		"a map":                         encodes(t, map[string]int{"a": 1}),
		"hidden fields that are zero":   encodes(t, partly{ID: "1"}),
		"a list in an interface":        encodes[any](t, []any{"a", nil, true}),
		"raw":                           encodes(t, json.RawMessage(`{"a":1}`)),
		"what is left out":              encodes(t, leftOut{ID: "a", Memo: func() {}}),
		"a time of a zone":              encodes(t, time.Now().In(time.FixedZone("X", -5400))),
		"a time of no place":            encodes(t, time.Time{}),
		"a great integer of big":        encodes(t, big.NewInt(math.MaxInt64)),
		"a fraction":                    encodes(t, big.NewRat(1, 3)),
		"an address":                    encodes(t, netip.MustParseAddr("fe80::1%eth0")),
		"a nil that can be compared":    encodes[*big.Int](t, nil),
		"what panics if it is compared": encodes(t, &unequal{"a"}),
		"an embedded time alone":        encodes(t, timed{Time: time.Now()}),
		"a text with several parts":     encodes(t, parts{"a", "b"}),
	} {
		assert.True(t, ok, name)
	}
	for name, ok := range map[string]bool{
		"a time with seconds in its offset":  encodes(t, time.Unix(1, 0).In(time.FixedZone("LMT", 3601))),
		"such a time in a list":              encodes(t, []time.Time{time.Unix(1, 0).In(time.FixedZone("LMT", 3601))}),
		"a float of big with few bits":       encodes(t, big.NewFloat(0.1)),
		"an integer in an interface":         encodes[any](t, 7),
		"a great integer in an interface":    encodes[any](t, int64(1)<<53+1),
		"not a number":                       encodes(t, math.NaN()),
		"not a number, in an interface":      encodes[any](t, math.NaN()),
		"bytes that are no UTF-8":            encodes(t, "\xff"),
		"bytes that are no UTF-8 in a field": encodes(t, partly{ID: "\xff"}),
		"a hidden field":                     encodes(t, partly{ID: "1", secret: "x"}),
		"a struct in an interface":           encodes[any](t, partly{ID: "1"}),
		"who it is":                          encodes(t, &url.URL{User: url.User("me")}),
		"a function in an interface":         encodes[any](t, func() {}),
		"beside an embedded time":            encodes(t, timed{time.Unix(1, 0), "1"}),
		"beside an embedded time, deep":      encodes(t, map[string]*timed{"a": {time.Unix(1, 0), "1"}}),
		"beside embedded JSON":               encodes(t, rawAnd{json.RawMessage("1"), "1"}),
	} {
		assert.False(t, ok, name)
	}
}

// unequal is a text that cannot be compared.
type unequal struct{ text string }

func (u *unequal) MarshalText() ([]byte, error) { return []byte(u.text), nil }
func (u *unequal) UnmarshalText(t []byte) error { u.text = string(t); return nil }
func (u *unequal) Equal(*unequal) bool          { panic("not comparable") }

// encodes reports whether v comes back, and checks what comes back.
func encodes[T any](t *testing.T, v T) bool {
	t.Helper()
	encoded, err := exact.Encode(&v)
	if err != nil {
		assert.Nil(t, encoded)
		return false
	}
	var back T
	require.NoError(t, json.Unmarshal(encoded, &back))
	return true
}
