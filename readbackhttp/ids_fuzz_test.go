package readbackhttp

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// What is taken for an id stands in the document, as a text or a number, and however
// much is in it, few are taken. What is broken is no reason to panic.
func FuzzNames(f *testing.F) {
	for _, doc := range []string{
		`{"id":7}`, `{"thing":{"uid":"a"}}`, `[{"id":7},{"id":8,"status":"409"}]`, `{"data":[{"id":"7","error":null}]}`, `"abc"`, `42`,
		`{"_embedded":{"things":[{"_links":{"self":{"href":"/things/7"}}}]}}`, `{"ids":[1,"b"]}`, `[`, `{"id"`, `[,]`, `"\u0061"`, "\ufeff[7]", `{"a":[1,{"id":2}]`,
	} {
		f.Add([]byte(doc), "things")
	}
	f.Fuzz(func(t *testing.T, doc []byte, kind string) {
		all := append([]names{namesIn(doc, kind)}, manyIn(doc, kind)...)
		if bare, ok := bareID(doc); ok {
			all = append(all, names{ids: []id{bare}})
		}
		require.LessOrEqual(t, len(all), 2+maxThings)
		there, valid := textsOf(bytes.TrimPrefix(doc, []byte("\ufeff")))
		for _, n := range all {
			require.LessOrEqual(t, len(n.ids), maxIDs)
			require.LessOrEqual(t, len(n.links), maxIDs)
			for _, id := range n.ids {
				require.NotEmpty(t, id.text)
				require.LessOrEqual(t, len(id.text), maxIDLength)
				if valid {
					require.True(t, there[id.text], "%q of %q", id.text, doc)
				}
			}
			for _, l := range n.links {
				if valid {
					require.True(t, there[l.url], "%q of %q", l.url, doc)
				}
			}
		}
	})
}

// textsOf returns each text and number of a document, if it is a valid one.
func textsOf(doc []byte) (there map[string]bool, valid bool) {
	if !json.Valid(doc) || !utf8.Valid(doc) {
		return nil, false
	}
	there = map[string]bool{}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	for {
		switch v, err := decoder.Token(); v := v.(type) {
		case string:
			there[v] = true
		case json.Number:
			there[v.String()] = true
		case nil:
			if err != nil {
				return there, true
			}
		}
	}
}
