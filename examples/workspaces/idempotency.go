package workspaces

import (
	"net/http"

	bolt "go.etcd.io/bbolt"
)

// stored is the answer that a request with an Idempotency-Key got. It is kept
// for as long as the file.
type stored struct {
	Print  string `json:"print"`  // of the request's body
	Answer answer `json:"answer"` // status zero while the command is in the queue
}

// recall returns the answer that c's key got before. Without a key, or with a
// new one, ok is false. As the draft of the header asks, a key that came with
// another body is refused with 422, and one whose command is still in the queue
// with 409.
func (s *commandSide) recall(tx *bolt.Tx, c command) (before answer, ok bool, err error) {
	if c.Key == "" {
		return answer{}, false, nil
	}
	var found stored
	ok, err = load(tx, idempotencyBucket, pair(c.By, c.Key), &found)
	switch {
	case err != nil || !ok:
		return answer{}, false, err
	case found.Print != c.Print:
		return answer{}, false, refuse(http.StatusUnprocessableEntity)
	case found.Answer.Status == 0:
		return answer{}, false, refuse(http.StatusConflict)
	}
	return found.Answer, true, nil
}

// remember keeps the answer that c's key got, refusals included, unless it has
// one already: a 202 stays a 202.
func (s *commandSide) remember(tx *bolt.Tx, c command, given answer) error {
	if c.Key == "" {
		return nil
	}
	key := pair(c.By, c.Key)
	var found stored
	ok, err := load(tx, idempotencyBucket, key, &found)
	if err != nil || ok && found.Answer.Status != 0 {
		return err
	}
	return store(tx, idempotencyBucket, key, stored{Print: c.Print, Answer: given})
}
