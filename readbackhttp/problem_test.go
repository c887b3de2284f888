package readbackhttp

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseProblem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give string
		want Problem
		line string
	}{
		{
			"required",
			`{"status":400,"instancePath":"","schemaPath":"#/required","keyword":"required",
			  "params":{"missingProperty":"workspaceName"},"message":"must have required property 'workspaceName'"}`,
			Problem{
				Status: 400, SchemaPath: "#/required", Keyword: "required",
				Params:  map[string]any{"missingProperty": "workspaceName"},
				Message: "must have required property 'workspaceName'",
			},
			"must have required property 'workspaceName'",
		},
		{
			"enum",
			`{"status":400,"instancePath":"/status","schemaPath":"schemas/_Shared/Observability/alert_status.json/enum",
			  "keyword":"enum","params":{"allowedValues":["FIRING","RESOLVED"]},
			  "message":"must be equal to one of the allowed values"}`,
			Problem{
				Status: 400, InstancePath: "/status", SchemaPath: "schemas/_Shared/Observability/alert_status.json/enum",
				Keyword: "enum", Params: map[string]any{"allowedValues": []any{"FIRING", "RESOLVED"}},
				Message: "must be equal to one of the allowed values",
			},
			"must be equal to one of the allowed values at /status (allowed: FIRING, RESOLVED)",
		},
		{
			"additionalProperties",
			`{"status":400,"instancePath":"","schemaPath":"#/additionalProperties","keyword":"additionalProperties",
			  "params":{"additionalProperty":"myAdditionalProperty"},"message":"must NOT have additional properties"}`,
			Problem{
				Status: 400, SchemaPath: "#/additionalProperties", Keyword: "additionalProperties",
				Params:  map[string]any{"additionalProperty": "myAdditionalProperty"},
				Message: "must NOT have additional properties",
			},
			"must NOT have additional properties (not allowed: myAdditionalProperty)",
		},
		{
			"business rule",
			`{"status":400,"message":"Invalid value","params":{},"path":"workspaceKey","expected":"valid workspaceKey"}`,
			Problem{
				Status: 400, Message: "Invalid value", Params: map[string]any{},
				Path: "workspaceKey", Expected: "valid workspaceKey",
			},
			"Invalid value at workspaceKey (expected: valid workspaceKey)",
		},
		{"status and message", `{"status":404,"message":"Not found"}`, Problem{Status: 404, Message: "Not found"}, "Not found"},
		{"code and message", `{"code":403,"message":"Forbidden"}`, Problem{Code: "403", Message: "Forbidden"}, "Forbidden"},
		{
			"problem details",
			`{"type":"https://example.com/probs/out-of-credit","title":"You do not have enough credit.",
			  "detail":"Your current balance is 30, but that costs 50.","instance":"/account/12345/msgs/abc",
			  "status":403,"balance":30,"event":276638689419853824,"accounts":["/account/12345"],"none":null}`,
			Problem{
				Type: "https://example.com/probs/out-of-credit", Title: "You do not have enough credit.",
				Detail: "Your current balance is 30, but that costs 50.", Instance: "/account/12345/msgs/abc", Status: 403,
				Extensions: map[string]any{
					"balance": json.Number("30"), "event": json.Number("276638689419853824"),
					"accounts": []any{"/account/12345"}, "none": nil,
				},
			},
			"You do not have enough credit: Your current balance is 30, but that costs 50.",
		},

		{"code is a string", `{"code":"E17"}`, Problem{Code: "E17"}, "code E17"},
		{"code is a large number", `{"code":276638689419853824}`, Problem{Code: "276638689419853824"}, "code 276638689419853824"},
		{"status is a numeric string", `{"status":"404"}`, Problem{Status: 404}, "status 404 Not Found"},
		{"status is a fraction of zero", `{"status":404.0}`, Problem{Status: 404}, "status 404 Not Found"},
		{"status has an exponent", `{"status":4.04e2}`, Problem{Status: 404}, "status 404 Not Found"},
		{"status without a name", `{"status":599}`, Problem{Status: 599}, "status 599"},
		{"empty message", `{"message":""}`, Problem{}, ""},

		{"names in another case", `{"Message":"no","STATUS":1,"status":404}`,
			Problem{Status: 404, Extensions: map[string]any{"Message": "no", "STATUS": json.Number("1")}}, "status 404 Not Found"},
		{"the last counts", `{"message":"first","message":"last"}`, Problem{Message: "last"}, "last"},
		{"the last counts, of a wrong type", `{"status":404,"message":"first","message":1}`, Problem{Status: 404}, "status 404 Not Found"},
		{"wrong types", `{"status":[404],"code":true,"message":1,"instancePath":null,"schemaPath":{},"keyword":[],
			"params":[],"path":1,"expected":["a"],"type":0,"title":false,"detail":"d","instance":1}`, Problem{Detail: "d"}, "d"},
		{"status out of range", `{"status":99,"detail":"d"}`, Problem{Detail: "d"}, "d"},
		{"status far out of range", `{"status":1e300,"detail":"d"}`, Problem{Detail: "d"}, "d"},
		{"status too large for an int", `{"status":99999999999999999999,"detail":"d"}`, Problem{Detail: "d"}, "d"},
		{"negative status", `{"status":-404,"detail":"d"}`, Problem{Detail: "d"}, "d"},
		{"status is no whole number", `{"status":404.5,"detail":"d"}`, Problem{Detail: "d"}, "d"},
		{"status is a word", `{"status":"failed","detail":"d"}`, Problem{Detail: "d"}, "d"},
		{"status has a sign", `{"status":"+404","detail":"d"}`, Problem{Detail: "d"}, "d"},
		{"status is a fraction in a string", `{"status":"404.0","detail":"d"}`, Problem{Detail: "d"}, "d"},
		{"byte order mark, white space", "\ufeff\r\n {\"detail\":\"d\"}\n", Problem{Detail: "d"}, "d"},
		{"deep enough", `{"detail":"d","x":` + nested(32) + `}`,
			Problem{Detail: "d", Extensions: map[string]any{"x": unmarshal(nested(32))}}, "d"},
		{"too deep", `{"detail":"d","x":` + nested(33) + `,"params":{"x":` + nested(32) + `}}`, Problem{Detail: "d"}, "d"},
		{"brackets in a string", `{"detail":"d","x":["\"` + strings.Repeat("[", 99) + `"]}`,
			Problem{Detail: "d", Extensions: map[string]any{"x": []any{`"` + strings.Repeat("[", 99)}}}, "d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := parseProblem([]byte(tt.give))
			assert.True(t, ok)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.line, got.String())
		})
	}
}

func TestParseProblem_none(t *testing.T) {
	t.Parallel()
	for _, give := range []string{
		"", " ", "\ufeff", "{}", "[]", "null", "403", `"message"`, "<html>", `[{"message":"m"}]`,
		`{"message":"m"`, `{"message":"m"} x`, `{"a":1}`, `{"Message":"m"}`, `{"message":1}`, `{"status":"failed"}`,
		`{"message":null}`, `{"message":"m","x":` + nested(20_000) + `}`,
	} {
		got, ok := parseProblem([]byte(give))
		assert.False(t, ok, give)
		assert.Zero(t, got, give)
	}
}

func TestProblem_String(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give Problem
		want string
	}{
		{"zero", Problem{}, ""},
		{"title alone", Problem{Title: "T"}, "T"},
		{"message before title", Problem{Message: "M", Title: "T"}, "M"},
		{"message and detail", Problem{Message: "M", Detail: "D"}, "M: D"},
		{"the same twice", Problem{Title: "T", Detail: "T"}, "T"},
		{"keyword", Problem{Keyword: "enum", InstancePath: "/a", Status: 400}, "enum at /a"},
		{"type", Problem{Type: "https://h/x", Code: "1"}, "https://h/x"},
		{"blank type", Problem{Type: "about:blank", Code: "1"}, "code 1"},
		{"code before status", Problem{Status: 403, Code: "1"}, "code 1"},
		{"missing, not named", Problem{Message: "M", Params: map[string]any{"missingProperty": "p"}}, "M (missing: p)"},
		{"missing, part of a word", Problem{Message: "invalid ids", Params: map[string]any{"missingProperty": "id"}}, "invalid ids (missing: id)"},
		{"missing, named behind a part", Problem{Message: "invalid 'id'", Params: map[string]any{"missingProperty": "id"}}, "invalid 'id'"},
		{"missing, doubled letters", Problem{Message: "aaa aa", Params: map[string]any{"missingProperty": "aa"}}, "aaa aa"},
		{"too many, named", Problem{Message: "no p", Params: map[string]any{"additionalProperty": "p"}}, "no p"},
		{"expected, named", Problem{Message: "want p", Path: "/a", Expected: "p"}, "want p at /a"},
		{"instance path before path", Problem{Message: "M", InstancePath: "/i", Path: "p"}, "M at /i"},
		{"values of all types", Problem{Message: "M", Params: map[string]any{
			"allowedValues": []any{"a", json.Number("1"), true, nil, []any{"b"}}}}, `M (allowed: a, 1, true, null, ["b"])`},
		{"odd params", Problem{Message: "M", Params: map[string]any{
			"missingProperty": json.Number("1"), "allowedValues": "a", "additionalProperty": func() {}}}, "M (missing: 1)"},
		{"one line", Problem{Message: "a\r\n\tb\x00c", Detail: "d\n"}, "a b c: d"},
		{"redacted", Problem{Message: "see https://me:hunter2@h/?token=hunter2", Detail: "Bearer hunter2"},
			"see https://h/?token=REDACTED: Bearer REDACTED"},
		{"cut", Problem{Message: strings.Repeat("ö", 1000)}, strings.Repeat("ö", 510) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.give.String())
		})
	}
}

func FuzzParseProblem(f *testing.F) {
	for _, s := range []string{
		`{"status":400,"instancePath":"/a","schemaPath":"#/required","keyword":"required","params":{"missingProperty":"a"},"message":"m"}`,
		`{"status":"403","code":"403","path":"p","expected":"e","params":{"allowedValues":["a",1,null]}}`,
		`{"type":"about:blank","title":"t","status":4.04e2,"detail":"d\n","instance":"/i","x":[{"y":1e999}]}`,
		"\ufeff{\"code\":1}", `{"message":"m","message":1}`, `{"params":[[[]]]}`, `{`, ``, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, ok := parseProblem(body)
		if !ok {
			require.Zero(t, p)
			return
		}
		require.True(t, json.Valid([]byte(strings.TrimPrefix(string(body), "\ufeff"))))
		require.True(t, p.Status == 0 || p.Status >= 100 && p.Status <= 999)
		line := p.String()
		require.LessOrEqual(t, len(line), 1024)
		require.True(t, utf8.ValidString(line))
		require.NotContains(t, line, "\n")

		// What was parsed says the same when written again.
		again := map[string]any{"detail": p.Detail, "message": p.Message, "params": p.Params, "status": p.Status, "code": p.Code}
		for name, v := range p.Extensions {
			again[name] = v
		}
		written, err := json.Marshal(again)
		require.NoError(t, err)
		q, ok := parseProblem(written)
		require.True(t, ok)
		require.Equal(t, p.Status, q.Status)
		require.Equal(t, p.Code, q.Code)
		require.Equal(t, p.Message, q.Message)
		require.Equal(t, p.Detail, q.Detail)
		require.Equal(t, p.Params, q.Params)
		require.Equal(t, p.Extensions, q.Extensions)
	})
}

// nested returns n lists, each in the one before.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func unmarshal(s string) (v any) {
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		panic(err)
	}
	return v
}
