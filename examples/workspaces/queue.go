package workspaces

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	bolt "go.etcd.io/bbolt"
)

// enqueue has c executed later, as part of tx. The queue is ordered by due time.
func (s *commandSide) enqueue(tx *bolt.Tx, c command, due time.Time) error {
	bucket := tx.Bucket(queueBucket)
	number, err := bucket.NextSequence()
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, uint64(due.UnixNano()))
	key = binary.BigEndian.AppendUint64(key, number)
	tx.OnCommit(s.queued.broadcast)
	return store(tx, queueBucket, string(key), c)
}

// first returns the queue's first entry, or a nil key if there is none.
func first(tx *bolt.Tx) (key []byte, due time.Time, c command, err error) {
	k, v := tx.Bucket(queueBucket).Cursor().First()
	if k == nil {
		return nil, time.Time{}, command{}, nil
	}
	if err := json.Unmarshal(v, &c); err != nil {
		return nil, time.Time{}, command{}, fmt.Errorf("workspaces: queued command: %w", err)
	}
	due = time.Unix(0, int64(binary.BigEndian.Uint64(k)))
	return append([]byte(nil), k...), due, c, nil
}

// runQueue is the asynchronous handler: it executes each command of the queue
// when it is due, until ctx ends. What is left then stays in the file.
func (s *commandSide) runQueue(ctx context.Context, logger *slog.Logger) error {
	for ctx.Err() == nil {
		queued := s.queued.wait()
		var key []byte
		var due time.Time
		err := s.db.View(func(tx *bolt.Tx) (err error) {
			key, due, _, err = first(tx)
			return err
		})
		if err != nil {
			return err
		}
		if key != nil && time.Until(due) <= 0 {
			if err := s.executeFirst(logger); err != nil {
				return err
			}
			continue
		}
		var timer <-chan time.Time // nil, never ready, if the queue is empty
		if key != nil {
			timer = time.After(time.Until(due))
		}
		select {
		case <-ctx.Done():
		case <-queued:
		case <-timer:
		}
	}
	return nil
}

// executeFirst takes the first command from the queue and executes it, in one
// transaction: however the process ends, it is executed once.
func (s *commandSide) executeFirst(logger *slog.Logger) error {
	var c command
	var given answer
	err := s.db.Update(func(tx *bolt.Tx) error {
		key, _, queued, err := first(tx)
		if err != nil || key == nil {
			return err
		}
		c = queued
		if err := remove(tx, queueBucket, string(key)); err != nil {
			return err
		}
		if given, err = s.handle(tx, c); err != nil {
			return err
		}
		if err := s.finish(tx, c, given); err != nil {
			return err
		}
		return s.remember(tx, c, given)
	})
	if err == nil {
		logger.Info("executed from the queue",
			"action", c.Action, "workspace", c.Workspace, "by", c.By, "status", given.Status)
	}
	return err
}

// The statuses of an [Operation].
const (
	running   = "running"
	succeeded = "succeeded"
	failed    = "failed"
)

// storedOperation is an operation and whose it is.
type storedOperation struct {
	By        string    `json:"by"`
	Operation Operation `json:"operation"`
}

// accept puts c into the queue and answers 202 with the operation that tells
// how it goes.
func (s *commandSide) accept(tx *bolt.Tx, c command, due time.Time) (answer, error) {
	operation := Operation{Status: running, Resource: workspacePath(c.Workspace)}
	err := store(tx, operationsBucket, c.Operation, storedOperation{By: c.By, Operation: operation})
	if err != nil {
		return answer{}, err
	}
	return answer{
		Status: http.StatusAccepted,
		Header: map[string]string{
			"Location":           "/v1/operations/" + c.Operation,
			"Preference-Applied": "respond-async",
		},
		Body: mustJSON(operation),
	}, s.enqueue(tx, c, due)
}

// finish ends c's operation, if it has one.
func (s *commandSide) finish(tx *bolt.Tx, c command, given answer) error {
	if c.Operation == "" {
		return nil
	}
	operation := Operation{Status: succeeded, Resource: workspacePath(c.Workspace)}
	if given.Status >= 300 {
		operation.Status, operation.Error = failed, given.Body
	}
	return store(tx, operationsBucket, c.Operation, storedOperation{By: c.By, Operation: operation})
}

// operation returns the caller's operation, or a refusal.
func (s *commandSide) operation(id, user string) (answer, error) {
	var found storedOperation
	err := s.db.View(func(tx *bolt.Tx) error {
		ok, err := load(tx, operationsBucket, id, &found)
		if err == nil && (!ok || found.By != user) {
			return refuse(http.StatusNotFound)
		}
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return ok200(found.Operation), nil
}
