package submit

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
)

// NewKey returns a random key, a UUID as in RFC 9562, version 4: for jobs that
// have no name of their own. Make one key for each job and keep it with the job: a new
// key for each try would submit a new job each time.
func NewKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// SetKey puts the key of a job on req, in the form of the IETF draft "The
// Idempotency-Key HTTP Header Field": as a quoted string. For a service that wants
// another form, set the header by hand.
//
// The name of the header is in lower case: req.Header["idempotency-key"], where
// Header.Get does not find it. For the service it is the same header. With the usual
// spelling, net/http would send the request again by itself when a used connection
// dies; only Policy.Resend.WithKey may allow that.
func SetKey(req *http.Request, key string) {
	req.Header.Del("Idempotency-Key")
	req.Header["idempotency-key"] = []string{`"` + escape.Replace(key) + `"`}
}

// escape makes the inside of a string as in RFC 9651.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

const maxKey = 255

// checkKey returns an error if a key is not valid.
func checkKey(key string) error {
	switch {
	case key == "":
		return invalid("the key is empty")
	case len(key) > maxKey:
		return invalid("the key is longer than %d bytes: %d", maxKey, len(key))
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return invalid("the key has a byte that is not a printable ASCII character, at %d", i)
		}
	}
	return nil
}
