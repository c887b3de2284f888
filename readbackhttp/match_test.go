package readbackhttp_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

func number(s string) json.Number { return json.Number(s) }

func TestHasJSON(t *testing.T) {
	t.Parallel()
	type point struct {
		X int    `json:"x"`
		Y string `json:"y,omitempty"`
	}
	tests := []struct {
		name  string
		body  string
		at    string
		want  any
		match bool
	}{
		{"string", `{"name":"a"}`, "/name", "a", true},
		{"another string", `{"name":"A"}`, "/name", "a", false},
		{"escapes are one way to write it", `{"name":"\u0061"}`, "/name", "a", true},
		{"boolean", `{"ok":true}`, "/ok", true, true},
		{"another boolean", `{"ok":true}`, "/ok", false, false},
		{"null", `{"gone":null}`, "/gone", nil, true},
		{"null is there, and not absent", `{}`, "/gone", nil, false},
		{"null is no other zero", `{"gone":""}`, "/gone", nil, false},
		{"whole document", `[1,2]`, "", []int{1, 2}, true},
		{"nested", `{"a":[{"b/c":{"~":7}}]}`, "/a/0/b~1c/~0", 7, true},
		{"beyond the list", `{"a":[1]}`, "/a/1", 1, false},
		{"inside a string", `{"a":"b"}`, "/a/b", "b", false},
		{"absent", `{"name":"a"}`, "/other", "a", false},
		{"names have a case", `{"Name":"a"}`, "/name", "a", false},
		{"the last of two counts", `{"n":1,"n":2}`, "/n", 2, true},
		{"the first of two does not", `{"n":1,"n":2}`, "/n", 1, false},

		{"object, any order", `{"p":{"y":"s","x":1}}`, "/p", point{1, "s"}, true},
		{"object, one member more", `{"p":{"y":"s","x":1,"z":0}}`, "/p", point{1, "s"}, false},
		{"object, one member less", `{"p":{"x":1}}`, "/p", point{1, "s"}, false},
		{"object, another member", `{"p":{"x":1,"z":"s"}}`, "/p", point{1, "s"}, false},
		{"object, null in the place of another", `{"p":{"z":null}}`, "/p", point{X: 0}, false},
		{"object, null is there", `{"p":{"z":null}}`, "/p", map[string]any{"z": nil}, true},
		{"object, null in another member", `{"p":{"z":null}}`, "/p", map[string]any{"y": nil}, false},
		{"list", `{"l":["a",["b"],{"x":1}]}`, "/l", []any{"a", []string{"b"}, point{X: 1}}, true},
		{"list, another order", `{"l":["a","b"]}`, "/l", []string{"b", "a"}, false},
		{"list, longer", `{"l":["a","b"]}`, "/l", []string{"a"}, false},
		{"empty list", `{"l":[]}`, "/l", []string{}, true},
		{"empty list is not null", `{"l":[]}`, "/l", nil, false},
		{"empty object is no list", `{"l":{}}`, "/l", []string{}, false},

		{"integer", `{"n":7}`, "/n", 7, true},
		{"unsigned", `{"n":18446744073709551615}`, "/n", uint64(math.MaxUint64), true},
		{"another unsigned, the same as a float", `{"n":18446744073709551614}`, "/n", uint64(math.MaxUint64), false},
		{"another integer, the same as a float", `{"n":9007199254740993}`, "/n", 9007199254740992, false},
		{"another fraction, the same as a float", `{"n":9007199254740992.0}`, "/n", 9007199254740993, false},
		{"beyond every integer", `{"n":123456789012345678901234567890}`, "/n", number("123456789012345678901234567890"), true},
		{"beyond every integer, another", `{"n":123456789012345678901234567891}`, "/n", number("123456789012345678901234567890"), false},
		{"a fraction of zero", `{"n":7.0}`, "/n", 7, true},
		{"an exponent", `{"n":7e0}`, "/n", 7, true},
		{"another exponent", `{"n":0.7E+1}`, "/n", 7.0, true},
		{"a large one in two ways", `{"n":1e21}`, "/n", number("1000000000000000000000"), true},
		{"fractions", `{"n":0.10}`, "/n", 0.1, true},
		{"negative", `{"n":-7.5}`, "/n", -7.5, true},
		{"sign", `{"n":-7}`, "/n", 7, false},
		{"zeros", `{"n":-0.0e9}`, "/n", 0, true},
		{"too large for a float", `{"n":1e400}`, "/n", number("10e399"), true},
		{"too large for a float, another", `{"n":1e400}`, "/n", number("1e401"), false},
		{"too small for a float", `{"n":1e-400}`, "/n", 0, false},
		{"absurd exponents", `{"n":1e999999999999999999999}`, "/n", number("1e999999999999999999998"), false},
		{"the same absurd exponent", `{"n":1e999999999999999999999}`, "/n", number("1e999999999999999999999"), true},
		{"an exponent that costs no memory", `{"n":1e2000000000}`, "/n", number("10e1999999999"), true},
		{"number as a string", `{"n":"7"}`, "/n", 7, false},
		{"string as a number", `{"n":7}`, "/n", "7", false},
		{"number as a boolean", `{"n":1}`, "/n", true, false},

		{"empty body", "", "/n", 7, false},
		{"HTML", "<html>", "", nil, false},
		{"broken off", `{"n":7`, "/n", 7, false},
		{"two documents", `{"n":7}{"n":8}`, "/n", 7, false},
		{"something behind", `{"n":7} x`, "/n", 7, false},
		{"white space around", " \r\n{\"n\":7}\n", "/n", 7, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			match := readbackhttp.HasJSON(tt.at, tt.want)
			require.NotNil(t, match)
			assert.Equal(t, tt.match, match(readbackhttp.Ref{}, &readbackhttp.Document{Body: []byte(tt.body)}))
		})
	}
}

// A document that is deep, or a number that is long, does no harm.
func TestHasJSON_largeDoesNoHarm(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)
	assert.True(t, readbackhttp.HasJSON("", json.RawMessage(deep))(readbackhttp.Ref{}, &readbackhttp.Document{Body: []byte(deep)}))
	assert.False(t, readbackhttp.HasJSON("", json.RawMessage(deep))(readbackhttp.Ref{}, &readbackhttp.Document{Body: []byte("[" + deep + "]")}))
	tooDeep := strings.Repeat("[", 100_000)
	assert.False(t, readbackhttp.HasJSON("", 1)(readbackhttp.Ref{}, &readbackhttp.Document{Body: []byte(tooDeep)}))
	long := strings.Repeat("9", 500_000)
	assert.True(t, readbackhttp.HasJSON("", number(long))(readbackhttp.Ref{}, &readbackhttp.Document{Body: []byte(long + ".0")}))
	assert.False(t, readbackhttp.HasJSON("", number(long))(readbackhttp.Ref{}, &readbackhttp.Document{Body: []byte(long + ".1")}))
}

// What can never match is refused before the write.
func TestHasJSON_invalid(t *testing.T) {
	t.Parallel()
	assert.Nil(t, readbackhttp.HasJSON("name", "a"), "no JSON pointer")
	assert.Nil(t, readbackhttp.HasJSON("/name", math.NaN()))
	assert.Nil(t, readbackhttp.HasJSON("/name", func() {}))
}

// A byte order mark before a document is none of its values.
func TestHasJSON_byteOrderMark(t *testing.T) {
	t.Parallel()
	doc := &readbackhttp.Document{Body: []byte("\ufeff" + `{"v":2}`)}
	assert.True(t, readbackhttp.HasJSON("/v", 2)(readbackhttp.Ref{}, doc))
	assert.True(t, readbackhttp.AtLeast("/v", 2)(readbackhttp.Ref{}, doc))
}
