package readbackhttp

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/readback-go/readback/internal/pointer"
)

// HasJSON returns a match that accepts a document in which the JSON pointer
// finds want: a string, a number, a boolean, nil, or what encodes to the same
// JSON value. Numbers are compared by value, members in any order.
//
// If at is not a JSON pointer, or want cannot be encoded, HasJSON returns nil,
// and an update that has nothing else to go by is refused before its write. Beside a
// Token and in a [Hold] nil means that there is no match: there, check it first.
func HasJSON(at string, want any) func(Ref, *Document) bool {
	encoded, err := json.Marshal(want)
	if err != nil || !pointer.Valid(at) {
		return nil
	}
	wanted, err := pointer.Decode(encoded)
	if err != nil {
		return nil
	}
	return func(_ Ref, doc *Document) bool {
		shown, err := pointer.Decode(doc.Body)
		if err != nil {
			return doc.differs(at, string(encoded), "no JSON")
		}
		got, found := pointer.Get(shown, at)
		if found && pointer.Equal(got, wanted) {
			doc.wanted = ""
			return true
		}
		return doc.differs(at, string(encoded), text(got, found))
	}
}

// HasETag returns a match that accepts a document with this ETag, such as that
// of the answer to the write. Weak and strong ones are compared weakly, as in RFC
// 9110, section 8.8.3.2, and without what servers append for a coding, such as -gzip,
// and the quotes, which not all of them send. It suits what nobody else changes: after
// another's change the ETag is another, which is not accepted. An empty ETag means that
// of the answer to the write, which its Ref has kept; without one, nothing is accepted.
func HasETag(etag string) func(Ref, *Document) bool {
	return func(ref Ref, doc *Document) bool {
		wanted := etag
		if wanted == "" {
			wanted = ref.ETag
		}
		shown := doc.Header.Get("Etag")
		if strong(wanted) != "" && strong(shown) == strong(wanted) {
			doc.wanted = ""
			return true
		}
		return doc.differs("the ETag", wanted, shown)
	}
}

// strong returns what an entity tag says of the version: without the mark of a weak one,
// without quotes, which not all send, and without what servers append for a coding.
func strong(etag string) string {
	etag = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(etag), "W/"), "w/")
	etag = strings.TrimSuffix(strings.TrimPrefix(etag, `"`), `"`)
	for _, coding := range [...]string{"gzip", "br", "zstd", "deflate"} {
		if bare, coded := strings.CutSuffix(etag, coding); coded {
			for _, mark := range [...]string{"--", "-", ";"} {
				if version, ok := strings.CutSuffix(bare, mark); ok {
					return version
				}
			}
		}
	}
	return etag
}

// AtLeast returns a match that accepts a document in which the JSON pointer
// finds a number, also in a string, that is version or more.
func AtLeast(at string, version int64) func(Ref, *Document) bool {
	return func(_ Ref, doc *Document) bool {
		wanted := strconv.FormatInt(version, 10) + " or more"
		shown, err := pointer.Decode(doc.Body)
		if err != nil {
			return doc.differs(at, wanted, "no JSON")
		}
		value, found := pointer.Get(shown, at)
		var number string
		switch v := value.(type) {
		case json.Number:
			number = v.String()
		case string:
			number = v
		}
		if len(number) > 100 { // its digits would cost more than it can be worth
			return doc.differs(at, wanted, "too long")
		}
		// As a float64, a number may be the version that it is not. Rounded down
		// to more bits than an int64 has, it is on the same side of it.
		n, _, err := big.ParseFloat(number, 10, 128, big.ToNegativeInf)
		if err == nil && !n.IsInf() && n.Cmp(new(big.Float).SetInt64(version)) >= 0 {
			doc.wanted = ""
			return true
		}
		return doc.differs(at, wanted, text(value, found))
	}
}

// differs notes what was wanted of d, and is false.
func (d *Document) differs(at, wanted, shown string) bool {
	if at == "" {
		at = "the document"
	}
	d.wanted = fmt.Sprintf("%s is %s, not %s", at, shown, wanted)
	return false
}

// text returns a JSON value as text, for an error.
func text(value any, found bool) string {
	if !found {
		return "missing"
	}
	encoded := jsonText(value)
	return encoded[:min(len(encoded), 100)]
}

// jsonText returns the JSON of a value; empty if it has none, as no decoded value.
func jsonText(value any) string {
	encoded, _ := json.Marshal(value)
	return string(encoded)
}

// scalar returns the text of a JSON value that has one.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}
