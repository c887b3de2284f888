package readbacktest

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// TokenAnswers are sample answers of the service that a [readbackhttp.Token] is for.
// [TestToken] needs them.
type TokenAnswers struct {
	// Written are the answers to two writes, with different positions.
	Written [2]consistency.Answer

	// Behind are answers to reads whose server has not reached the position. Nil means
	// that the service has no such answer, since it waits.
	Behind []consistency.Answer

	// Reached are other answers to reads, above all those that look similar, such as a
	// 404 for a thing that does not exist.
	Reached []consistency.Answer
}

// TestToken checks the contract of a [readbackhttp.Token] of your own, and fails the test for
// each promise that it breaks:
//
//   - Take finds the token in the answer to each write. It is a valid value of a header.
//     Take finds none in an answer without headers.
//   - Put puts the token into the read once, however often it is called, and changes neither
//     its URL nor its other headers.
//   - Behind is true for the answers that are behind, and false for all others.
//   - It keeps no state: earlier answers change nothing, and answers are not modified.
//   - It is safe for concurrent use.
//
// The library itself makes sure that Take sees only answers to writes that were carried out.
// Run the test with the race detector, which alone finds some mistakes.
func TestToken(t TestingT, token readbackhttp.Token, answers TokenAnswers) {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	if token == nil {
		t.Errorf("token: it is nil")
		t.FailNow()
		return
	}
	c := tokenCheck{token, answers}
	conform(t, fmt.Sprintf("token: %T", token), []promise{
		{"does not take what a write carries", c.take},
		{"does not put what it took", c.put},
		{"does not know what is behind", c.behind},
	}, []promise{
		{"is not apart from what it saw before", c.apart},
		{"is not safe for concurrent use", c.concurrent},
	})
}

type tokenCheck struct {
	token readbackhttp.Token
	TokenAnswers
}

func (c tokenCheck) take() error {
	taken := map[string]bool{}
	for _, written := range c.Written {
		before := written.Header.Clone()
		token := c.token.Take(written)
		switch {
		case token == "":
			return fmt.Errorf("there is none in %v", written.Header)
		case !printable(token):
			return fmt.Errorf("it is not used, since it is longer than 4 KiB, has spaces around it or is not printable ASCII: %.100q", token)
		case !reflect.DeepEqual(before, written.Header):
			return fmt.Errorf("it changes the answer from %v to %v", before, written.Header)
		}
		taken[token] = true
	}
	if len(taken) != len(c.Written) {
		return errors.New("it is the same for two writes")
	}
	for _, bare := range []consistency.Answer{{}, {Status: http.StatusCreated}, {Status: http.StatusOK, Header: http.Header{}}} {
		if token := c.token.Take(bare); token != "" {
			return fmt.Errorf("it finds %q in an answer without one", token)
		}
	}
	return nil
}

func (c tokenCheck) put() error {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		bare := newRead(method)
		one, other := newRead(method), newRead(method)
		c.token.Put(one, c.token.Take(c.Written[0]))
		c.token.Put(other, c.token.Take(c.Written[1]))
		if dump(one) == dump(bare) || dump(one) == dump(other) {
			return fmt.Errorf("the read is %q with one token, and %q with another", dump(one), dump(other))
		}
		if err := sameBut(bare, one); err != nil {
			return err
		}
		once := dump(one)
		c.token.Put(one, c.token.Take(c.Written[0]))
		if twice := dump(one); twice != once {
			return fmt.Errorf("the read is %q, and %q if it is put twice", once, twice)
		}
	}
	return nil
}

func (c tokenCheck) behind() error {
	known := map[int]bool{}
	for _, answer := range c.Behind {
		known[answer.Status] = true
		before := answer.Header.Clone()
		if !c.token.Behind(answer) {
			return fmt.Errorf("%d %v is", answer.Status, answer.Header)
		}
		if !reflect.DeepEqual(before, answer.Header) {
			return fmt.Errorf("it changes the answer from %v to %v", before, answer.Header)
		}
	}
	others := append(c.Reached[:len(c.Reached):len(c.Reached)], c.Written[:]...)
	for status := range 1000 {
		if !known[status] {
			others = append(others, consistency.Answer{Status: status}, consistency.Answer{Status: status, Header: http.Header{}})
		}
	}
	for _, answer := range others {
		if c.token.Behind(answer) {
			return fmt.Errorf("%d %v is not", answer.Status, answer.Header)
		}
	}
	return nil
}

// apart checks that the token of one write does not get into the read of another.
func (c tokenCheck) apart() error {
	token := c.token.Take(c.Written[0])
	read := c.read(token)
	for _, seen := range append(append(c.Behind[:len(c.Behind):len(c.Behind)], c.Reached...), c.Written[1]) {
		behind := c.token.Behind(seen)
		c.token.Take(c.Written[1])
		c.read(c.token.Take(c.Written[1]))
		if again := c.token.Behind(seen); again != behind {
			return fmt.Errorf("%d %v is behind: %v, and later %v", seen.Status, seen.Header, behind, again)
		}
		if again := c.read(token); again != read {
			return fmt.Errorf("a read with the same token is %q, and later %q", read, again)
		}
		if again := c.token.Take(c.Written[0]); again != token {
			return fmt.Errorf("the same answer has %q, and later %q", token, again)
		}
	}
	return nil
}

// concurrent runs two flows of the same kind again and again.
func (c tokenCheck) concurrent() error {
	var tokens, reads [2]string
	for i, written := range c.Written {
		tokens[i] = c.token.Take(written)
		reads[i] = c.read(tokens[i])
	}
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			errs[i] = guarded("one flow among others", func() error {
				for range 100 {
					token := c.token.Take(c.Written[i%2])
					for _, answer := range c.Behind {
						if !c.token.Behind(answer) {
							return fmt.Errorf("%d %v is behind, and among others not", answer.Status, answer.Header)
						}
					}
					if read := c.read(token); token != tokens[i%2] || read != reads[i%2] {
						return fmt.Errorf("it takes %q and puts %q, and among others %q and %q", tokens[i%2], reads[i%2], token, read)
					}
				}
				return nil
			})
		})
	}
	all.Wait()
	return first(errs)
}

// read returns a read with a token, as text.
func (c tokenCheck) read(token string) string {
	r := newRead(http.MethodGet)
	c.token.Put(r, token)
	return dump(r)
}

// newRead returns a read with a query and several headers.
func newRead(method string) *http.Request {
	r, err := http.NewRequest(method, "https://api.example/v1/things/7?expand=all", nil)
	if err != nil {
		panic(err) // of a constant
	}
	r.Header.Set("Authorization", "Bearer of-the-caller")
	r.Header.Set("Cookie", "session=of-the-caller")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Cache-Control", "no-cache")
	return r
}

// sameBut returns what a token has changed in a read besides adding itself.
func sameBut(bare, with *http.Request) error {
	switch {
	case with.Method != bare.Method, with.URL.Scheme != bare.URL.Scheme, with.URL.Host != bare.URL.Host,
		with.URL.Path != bare.URL.Path, with.Host != bare.Host, with.URL.User.String() != "":
		return fmt.Errorf("it turns %s %s to %s %s", bare.Method, bare.URL, with.Method, with.URL.Redacted())
	case with.Body != nil:
		return errors.New("it gives the read a body")
	case with.URL.Query().Get("expand") != "all":
		return fmt.Errorf("it loses the query %s", bare.URL.RawQuery)
	}
	for name := range bare.Header {
		if !reflect.DeepEqual(bare.Header[name], with.Header[name]) {
			return fmt.Errorf("it changes the header %s", name)
		}
	}
	return nil
}

// dump returns a read as it is sent.
func dump(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL)
	_ = r.Header.Write(&b) // a Builder takes everything
	return b.String()
}

// printable reports whether the library uses a token, see [readbackhttp.Token].
func printable(token string) bool {
	for i := range len(token) {
		if token[i] < ' ' || token[i] > '~' {
			return false
		}
	}
	return len(token) <= 4<<10 && strings.TrimSpace(token) == token
}
