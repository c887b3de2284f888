package readbackhttp

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/readback-go/readback/consistency"
)

// Token is a kind of consistency token: a position that the answer to a write
// carries and a read can ask for. [Mittwald], [Cosmos] and [Vault] are ready to
// use, [HeaderToken] is one from header to header, and your own takes a few
// lines. It must be safe for concurrent use.
//
// Set it as Exchange.Token or TransportOptions.Token. For another client, keep
// the token in the reference, W, of its flow, and set Flow.Behind to the method
// of that name.
//
// Tokens are taken from answers to writes alone. A Transport puts a token only into reads of
// what its write covers, of the same origin and with the same credentials. A token that is
// longer than 4 KiB, or holds anything but printable ASCII, is not used.
type Token interface {
	// Take returns the token in the answer to a write that was carried out,
	// and "" if there is none. The answer has no body.
	Take(write consistency.Answer) string

	// Put puts a token into a read, which is Put's to change.
	Put(read *http.Request, token string)

	// Behind reports whether an answer to a read with a token means that the
	// server has not reached that position.
	Behind(read consistency.Answer) bool
}

// HeaderToken is a [Token] that one header of the write's answer carries and
// another, or the same, of a read asks for. A read that has that header already
// keeps its own.
type HeaderToken struct {
	Answer       string // header of the answer to a write
	Request      string // header of a read
	BehindStatus int    // of an answer that is behind; zero if there is none, since the server waits
}

// checkToken reports a header pair that no request can have: its reads would fail
// after the write.
func checkToken(kind Token) error {
	if t, ok := kind.(HeaderToken); ok && !(isToken(t.Answer) && isToken(t.Request)) {
		return fmt.Errorf("readbackhttp: the header names of the token are invalid: %q and %q", t.Answer, t.Request)
	}
	return nil
}

// Take returns the header t.Answer.
func (t HeaderToken) Take(write consistency.Answer) string { return write.Header.Get(t.Answer) }

// Put sets the header t.Request, unless it is set.
func (t HeaderToken) Put(read *http.Request, token string) {
	if read.Header.Get(t.Request) == "" {
		read.Header.Set(t.Request, token)
	}
}

// Behind reports whether the status is t.BehindStatus.
func (t HeaderToken) Behind(read consistency.Answer) bool {
	return t.BehindStatus != 0 && read.Status == t.BehindStatus
}

// Mittwald returns the token of the mittwald API: the ETag of a write, asked for
// by If-Event-Reached. The server waits up to 10 s for it and then answers 412,
// so let Policy.ReadTimeout be longer than that.
func Mittwald() HeaderToken {
	return HeaderToken{Answer: "Etag", Request: "If-Event-Reached", BehindStatus: http.StatusPreconditionFailed}
}

// Vault returns the token of HashiCorp Vault and of OpenBao: X-Vault-Index, both
// ways. A node that is behind answers 412.
func Vault() HeaderToken {
	return HeaderToken{Answer: "X-Vault-Index", Request: "X-Vault-Index", BehindStatus: http.StatusPreconditionFailed}
}

// Cosmos returns the session token of Azure Cosmos DB: X-Ms-Session-Token, both
// ways. A replica that is behind answers 404 with the sub-status 1002, which is
// not the 404 of what is not there.
func Cosmos() Token {
	return cosmos{HeaderToken{Answer: "X-Ms-Session-Token", Request: "X-Ms-Session-Token"}}
}

type cosmos struct{ HeaderToken }

func (cosmos) Behind(read consistency.Answer) bool {
	return read.Status == http.StatusNotFound && read.Header.Get("X-Ms-Substatus") == "1002"
}

// ErrNoToken is the cause of an update that nothing can confirm: it has no
// match, and the answer to its write carries no token that can be used.
var ErrNoToken = errors.New("the update has no match, and its write's answer no usable token")

// maxToken is how long a token may be. It must fit into a header with others.
const maxToken = 4 << 10

// tokenOf returns the token in the answer to a write, or "" if there is none that
// can be used. A token comes from a server and goes into a header: one that
// would begin a line of its own is no token.
func tokenOf(kind Token, resp *http.Response) string {
	if kind == nil || resp.StatusCode > 399 {
		return ""
	}
	if token := kind.Take(consistency.AnswerOf(resp)); usable(token) {
		return token
	}
	return ""
}

func usable(token string) bool {
	for i := range len(token) {
		if token[i] < ' ' || token[i] > '~' {
			return false
		}
	}
	return token != "" && len(token) <= maxToken && token[0] != ' ' && token[len(token)-1] != ' '
}
