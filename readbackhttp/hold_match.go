package readbackhttp

import (
	"encoding/json"
	"strconv"

	"github.com/readback-go/readback/internal/pointer"
)

// HasETag returns a match that accepts a document with this ETag, such as that
// of the answer to the write. It suits what nobody else changes: another's
// change has another ETag, and is not accepted either. An empty ETag accepts
// nothing.
func HasETag(etag string) func(Ref, *Document) bool {
	return func(_ Ref, doc *Document) bool { return etag != "" && doc.Header.Get("Etag") == etag }
}

// AtLeast returns a match that accepts a document in which the JSON pointer
// finds a number, also in a string, that is version or more.
func AtLeast(at string, version int64) func(Ref, *Document) bool {
	return func(_ Ref, doc *Document) bool {
		shown, err := decode(doc.Body)
		if err != nil {
			return false
		}
		value, _ := pointer.Get(shown, at)
		var text string
		switch v := value.(type) {
		case json.Number:
			text = v.String()
		case string:
			text = v
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n >= version
		}
		f, err := strconv.ParseFloat(text, 64)
		return err == nil && f >= float64(version)
	}
}
