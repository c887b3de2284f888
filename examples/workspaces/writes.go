package workspaces

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// write makes a command of a request: role first, then body, then the fault
// that the command may meet on its way to the command side.
func (s *Service) write(what action, body schema) endpoint {
	return func(w http.ResponseWriter, r *http.Request, caller Key) (answer, error) {
		if caller.Role == Reader {
			return answer{}, refuseRole()
		}
		c := command{Action: what, By: caller.User, Workspace: r.PathValue("id")}
		if body != nil {
			data, err := readBody(w, r)
			if err != nil {
				return answer{}, err
			}
			if c.Values, err = body.decode(data); err != nil {
				return answer{}, err
			}
			c.Print = fingerprint(data)
		}
		async := false
		if what == create {
			c.Workspace = newID()
			c.Key = r.Header.Get("Idempotency-Key")
			if len(c.Key) > maxKeyLength {
				return answer{}, refuse(http.StatusBadRequest)
			}
			if async = prefersAsync(r.Header); async {
				c.Operation = newID()
			}
		}
		fault, err := s.faults.meet(r.Header)
		if err != nil { // said aloud: it is a mistake in a test, not in a client
			return answer{}, &refusal{answer{
				Status: http.StatusBadRequest,
				Body:   mustJSON(plainBody{http.StatusBadRequest, err.Error()}),
			}}
		}
		if fault.Status != 0 {
			if err := s.commands.misbehave(c, fault); err != nil {
				return answer{}, err
			}
			return answer{}, refuse(fault.Status)
		}
		if async {
			return s.commands.submit(c, func(tx *bolt.Tx) (answer, error) {
				return s.commands.accept(tx, c, time.Now().Add(s.options.AsyncDelay))
			})
		}
		return s.commands.submit(c, func(tx *bolt.Tx) (answer, error) {
			return s.commands.handle(tx, c)
		})
	}
}

// submit gives c to how, in a transaction, unless c's key was answered before.
func (s *commandSide) submit(c command, how func(*bolt.Tx) (answer, error)) (given answer, err error) {
	err = s.db.Update(func(tx *bolt.Tx) error {
		before, known, err := s.recall(tx, c)
		if err != nil {
			return err
		}
		if known {
			given = before
			return nil
		}
		if given, err = how(tx); err != nil {
			return err
		}
		return s.remember(tx, c, given)
	})
	return given, err
}

// misbehave does with c what fault says. The client hears nothing of it, not
// even of a refusal; an error is the service's own.
func (s *commandSide) misbehave(c command, fault Fault) error {
	c.Operation = "" // the client was never told of one
	how := func(tx *bolt.Tx) (answer, error) { return s.handle(tx, c) }
	switch fault.Execute {
	case Never:
		return nil
	case Later:
		how = func(tx *bolt.Tx) (answer, error) {
			// The zero answer marks c's key as being worked on.
			return answer{}, s.enqueue(tx, c, time.Now().Add(fault.Delay))
		}
	}
	_, err := s.submit(c, how)
	if _, refused := errors.AsType[*refusal](err); refused {
		return nil
	}
	return err
}

// maxKeyLength bounds an Idempotency-Key.
const maxKeyLength = 255

// prefersAsync reports whether the client asked for a 202, in the words of
// RFC 7240.
func prefersAsync(header http.Header) bool {
	for _, value := range header.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(preference, ";")
			if strings.EqualFold(strings.TrimSpace(name), "respond-async") {
				return true
			}
		}
	}
	return false
}

// newID returns an id that nobody can guess and that still fits on a line.
func newID() string { return strings.ToLower(rand.Text()[:16]) }

func fingerprint(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
