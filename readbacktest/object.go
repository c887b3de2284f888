package readbacktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

var errNotObject = errors.New("is not a JSON object")

// parseObject decodes a JSON object, and keeps numbers as they are written. An empty body is
// an empty object.
func parseObject(body []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return map[string]any{}, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil || doc == nil {
		return nil, errNotObject
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errNotObject
	}
	return doc, nil
}

// merge returns what a PATCH makes of a value, by the algorithm of RFC 7396. It
// changes neither; what it returns may share parts with both.
func merge(value, patch any) any {
	change, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged := make(map[string]any)
	if old, ok := value.(map[string]any); ok {
		for name, v := range old {
			merged[name] = v
		}
	}
	for name, v := range change {
		if v == nil {
			delete(merged, name)
			continue
		}
		merged[name] = merge(merged[name], v)
	}
	return merged
}

// encode returns doc as JSON. It panics if doc cannot be encoded, which does not happen for
// values that were decoded from JSON.
func encode(doc any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// plain returns a member in the form that a query has, and false if it has no such form.
func plain(member any) (string, bool) {
	switch m := member.(type) {
	case string:
		return m, true
	case json.Number:
		return m.String(), true
	case bool:
		return string(encode(m)), true
	}
	return "", false
}
