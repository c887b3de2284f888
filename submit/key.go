package submit

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
)

// NewKey returns a random key, a UUID as in RFC 9562, version 4: for jobs that
// have no name of their own. Make it once, where the job comes into being, and
// keep it with the job: who makes one for each try submits as many jobs.
func NewKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// SetKey puts the key of a job on req, in the form of the IETF draft "The
// Idempotency-Key HTTP Header Field": as a quoted string. A service that asks
// for a form of its own needs a header that is set by hand.
//
// The key stands in req.Header under the name in lower case, which names of headers
// may have: req.Header["idempotency-key"], where Header.Get does not find it. The
// service reads the same header. But net/http takes the usual spelling for consent
// to send the request again by itself, when a connection dies that was used before,
// and that consent is the policy's alone to give, by Resend.WithKey.
func SetKey(req *http.Request, key string) {
	req.Header.Del("Idempotency-Key")
	req.Header["idempotency-key"] = []string{`"` + escape.Replace(key) + `"`}
}

// escape makes the inside of a string as in RFC 9651.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

const maxKey = 255

// checkKey returns why a key is none.
func checkKey(key string) error {
	switch {
	case key == "":
		return invalid("the key is empty")
	case len(key) > maxKey:
		return invalid("the key is longer than %d bytes: %d", maxKey, len(key))
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return invalid("the key has a byte that is no printable character of ASCII, at %d", i)
		}
	}
	return nil
}
