package readbacktest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Token is a kind of consistency token. The answer to an executed write carries its position.
// A read that asks for a position is answered as behind if its replica has not reached it.
// [Mittwald], [Vault] and [Cosmos] are the kinds of package readbackhttp. The zero value means
// no tokens.
type Token struct {
	Answer  string        // header of the answer to a write
	Request string        // header of a read
	Wait    time.Duration // how long a read waits before it is answered as behind
	Behind  int           // status of that answer
	SubCode string        // X-Ms-Substatus of that answer; empty means none

	prefix string // of the value
}

// Mittwald returns the token of the mittwald API: a read sends the ETag of a write as
// If-Event-Reached, and the server waits up to 10 s for it before it answers 412.
func Mittwald() Token {
	return Token{Answer: "Etag", Request: "If-Event-Reached", Wait: 10 * time.Second, Behind: http.StatusPreconditionFailed}
}

// Vault returns the token of HashiCorp Vault and OpenBao: X-Vault-Index in answers and reads,
// and 412 at once from a server that is behind.
func Vault() Token {
	return Token{Answer: "X-Vault-Index", Request: "X-Vault-Index", Behind: http.StatusPreconditionFailed}
}

// Cosmos returns the session token of Azure Cosmos DB: X-Ms-Session-Token in answers and
// reads, and 404 with the sub-status 1002 at once from a server that is behind.
func Cosmos() Token {
	return Token{
		Answer: "X-Ms-Session-Token", Request: "X-Ms-Session-Token",
		Behind: http.StatusNotFound, SubCode: "1002", prefix: "0:-1#",
	}
}

func (k Token) known() bool { return k != Token{} }

func (k Token) check() error {
	if k.known() && (k.Answer == "" || k.Request == "" || k.Behind < 300) {
		return fmt.Errorf("readbacktest: Script.Token needs the headers Answer and Request and the status Behind, and has %q, %q and %d",
			k.Answer, k.Request, k.Behind)
	}
	return nil
}

// put puts the position of an executed write, counted from 1, into its answer.
func (k Token) put(answer http.Header, position int) {
	if k.known() && position > 0 {
		answer.Set(k.Answer, k.prefix+strconv.Itoa(position))
	}
}

// asked returns the position that a read asks for, and false if it asks for none. A position
// that no write has is never reached.
func (k Token) asked(read http.Header) (position int, ok bool) {
	value := read.Get(k.Request)
	if !k.known() || value == "" {
		return 0, false
	}
	position, _ = strconv.Atoi(strings.TrimPrefix(value, k.prefix)) // an invalid number is 0, which no write has
	return position, true
}

func (k Token) behind() *reply {
	r := refuse(k.Behind)
	if k.SubCode != "" {
		r.header.Set("X-Ms-Substatus", k.SubCode)
	}
	return r
}
