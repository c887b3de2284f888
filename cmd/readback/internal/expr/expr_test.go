package expr_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/expr"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == expr.ChildArg {
		os.Exit(expr.Serve(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

func judge(t *testing.T, sources ...string) *expr.Judge {
	t.Helper()
	j, err := expr.New(t.Context(), sources...)
	require.NoError(t, err)
	t.Cleanup(j.Close)
	return j
}

const document = `{"id":9007199254740993,"big":123456789012345678901234567890,"state":"done","list":[{"n":1,"ok":true},{"n":2,"ok":false}],"none":null}`

func TestEval(t *testing.T) {
	t.Parallel()
	in := expr.Input{
		Document: json.RawMessage(document), Text: document, Status: 200,
		Header: http.Header{"Etag": {`"7"`}, "X-A": {"1", "2"}},
		Write:  &expr.Write{Status: 201, Headers: map[string]string{"location": "/7"}, Body: json.RawMessage(`{"id":9007199254740993}`)},
	}
	tests := []struct {
		source    string
		all, some bool
		value     string
	}{
		{`.state == "done"`, true, true, "true"},
		{`.state != "done"`, false, false, ""},
		{`.none`, false, false, ""},
		{`has("state")`, true, true, "true"},
		{`.list | length >= 2`, true, true, "true"},
		{`.list[].ok`, false, true, "true"},
		{`any(.list[]; .ok)`, true, true, "true"},
		{`.list[] | select(.n == 3)`, false, false, ""},
		{`empty`, false, false, ""},
		{`.id == $write.body.id`, true, true, "true"},
		{`.id == 9007199254740993`, true, true, "true"},
		{`.id == 9007199254740992`, false, false, ""},
		{`.id`, true, true, "9007199254740993"},
		{`.big`, true, true, "123456789012345678901234567890"},
		{`.big == 123456789012345678901234567891`, false, false, ""},
		{`$status == 200 and $headers.etag == "\"7\"" and $headers["x-a"] == "1, 2"`, true, true, "true"},
		{`$write.status == 201 and $write.headers.location == "/7"`, true, true, "true"},
		{`$text | test("done")`, true, true, "true"},
		{`env | length == 0`, true, true, "true"},
		{`$ENV.PATH`, false, false, ""},
		{`halt`, false, false, ""},
	}
	var sources []string
	for _, tt := range tests {
		sources = append(sources, tt.source)
	}
	j := judge(t, sources...)
	for n, tt := range tests {
		got, err := j.Eval(t.Context(), n, in)
		require.NoError(t, err, tt.source)
		assert.Equal(t, expr.Result{True: tt.all, Any: tt.some, Value: tt.value}, got, tt.source)
	}
	text := judge(t, ".", ".a")
	got, err := text.Eval(t.Context(), 0, expr.Input{Text: "<html>"})
	require.NoError(t, err)
	assert.Equal(t, `"<html>"`, strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(got.Value))
	_, err = text.Eval(t.Context(), 1, expr.Input{Text: "<html>"})
	assert.ErrorContains(t, err, "expected an object but got: string")
}

func TestNew_wrong(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", ".a ==", "nope", "$nope", `import "a" as a; .`, `include "a"; .`, "input", "inputs"} {
		_, err := expr.New(t.Context(), ".a", source)
		var wrong *expr.CompileError
		require.ErrorAs(t, err, &wrong, source)
		assert.Equal(t, 1, wrong.N)
	}
	j := judge(t, `error("x")`, `.a.b.c`)
	for n := range 2 {
		got, _ := j.Eval(t.Context(), n, expr.Input{Document: json.RawMessage(`[]`)})
		assert.False(t, got.True, n)
	}
}

// An expression that no answer can make false would confirm, or refuse, whatever the
// service says.
func TestNew_always(t *testing.T) {
	t.Parallel()
	for source, why := range map[string]string{
		`.state = "done"`:                      "= sets a value, and == compares",
		`.a == 1 and .b = 2`:                   "= sets",
		`(.a = 1)`:                             "= sets",
		`.items | .a = 1`:                      "= sets",
		`.a == 1 or (.b = 2)`:                  "= sets",
		`any(.[]; .id = 7)`:                    "= sets",
		`[.[] | select(.id = 7)] | length > 0`: "= sets",
		`if .a = 1 then .b else .c end`:        "= sets",
		`.[] | .id = 7`:                        "= sets",
		`.a as $a | length`:                    "a number, even 0, is true",
		`.a |= 1`:                              "|= sets",
		`[.[] | select(.id == 7)]`:             "a list, even an empty one, is true",
		`map(select(.id == 7))`:                "a list, even an empty one, is true",
		`{id: .id}`:                            "an object, even an empty one, is true",
		`length`:                               "a number, even 0, is true",
		`.items | length`:                      "a number, even 0, is true",
		`"done"`:                               "a text, even an empty one, is true",
		`"\(.state)"`:                          "a text, even an empty one, is true",
		`7`:                                    "a number, even 0, is true",
		`.state // "none"`:                     "a text, even an empty one, is true",
		`.a, (.b = 2)`:                         "= sets",
		`[.[] | {id}] | any(.[]; {id: 7})`:     "an object, even an empty one, is true",
	} {
		_, err := expr.New(t.Context(), ".a", source)
		var wrong *expr.CompileError
		if assert.ErrorAs(t, err, &wrong, source) {
			assert.Contains(t, wrong.Reason, "no answer makes this false: "+why, source)
			assert.Equal(t, 1, wrong.N)
		}
	}
	judge(t, "true", ".", ".a", ".[] as $a | 7", ".a as $a | .b == $a", ".[]", "(.a |= sort) == {}", ".[] | length", ".a | length > 0", ".a // false", ".a // .b",
		"select(.id == 7)", ".[] | select(.id == 7) | {id}", "(.a = 1) == $write.body", "{a: 1} == .", "[.[].ok] | all", "map(.id) | index(7)",
		"[.a][0]", "{a: .b}.a", "if .a then 1 else false end", ".error // (.state == \"failed\")")
}

// Whatever an expression does, it takes neither the memory nor the time, and the
// next evaluation is as good as any.
func TestEval_limits(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`"x" * 1e9 | length`,
		`[range(1e9)] | length`,
		`[limit(1e9; repeat("xxxxxxxxxxxxxxxx"))] | length`,
		`def f: 1 + f; f`,
		`last(range(1e12))`,
		`reduce range(60) as $i ("x"; . + .) | length`,
		`"a" * 1e6 | test("(a*)*b")`,
		`1e9 as $n | [limit($n; range($n))] | sort`,
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			j := judge(t, source, ".")
			began := time.Now()
			result, err := j.Eval(t.Context(), 0, expr.Input{Document: json.RawMessage(`1`)})
			assert.Less(t, time.Since(began), 30*time.Second)
			if !strings.Contains(source, "test") {
				assert.Error(t, err, result)
			}
			got, err := j.Eval(t.Context(), 1, expr.Input{Document: json.RawMessage(`7`)})
			require.NoError(t, err)
			assert.Equal(t, "7", got.Value)
		})
	}
}
