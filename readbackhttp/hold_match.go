package readbackhttp

import (
	"encoding/json"
	"math/big"

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
		if len(text) > 100 { // its digits would cost more than it can be worth
			return false
		}
		// As a float64, a number may be the version that it is not. Rounded down
		// to more bits than an int64 has, it is on the same side of it.
		n, _, err := big.ParseFloat(text, 10, 128, big.ToNegativeInf)
		return err == nil && !n.IsInf() && n.Cmp(new(big.Float).SetInt64(version)) >= 0
	}
}
