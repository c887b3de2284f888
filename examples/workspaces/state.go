package workspaces

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The command side's own state: what the events amount to, as far as commands
// need it to be validated. It is written in the transaction that appends the
// events, and is therefore never behind them.
var (
	stateBucket       = []byte("state")       // workspace's id: record
	namesBucket       = []byte("names")       // owner and name: workspace's id
	queueBucket       = []byte("queue")       // due time and number: command
	operationsBucket  = []byte("operations")  // operation's id: operation
	idempotencyBucket = []byte("idempotency") // user and key: stored answer
)

var buckets = [][]byte{
	eventsBucket, stateBucket, namesBucket, queueBucket, operationsBucket, idempotencyBucket,
}

// record is a workspace as the command side knows it.
type record struct {
	Workspace Workspace `json:"workspace"`
	Members   []string  `json:"members"`
}

// pair joins a user and the user's word for something into a key. No user's
// name holds a zero byte.
func pair(user, word string) string { return user + "\x00" + word }

// load reads what bucket holds under key into v, and reports whether it holds
// anything.
func load(tx *bolt.Tx, bucket []byte, key string, v any) (bool, error) {
	data := tx.Bucket(bucket).Get([]byte(key))
	if data == nil {
		return false, nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("workspaces: bucket %s: %w", bucket, err)
	}
	return true, nil
}

// store puts v into bucket under key.
func store(tx *bolt.Tx, bucket []byte, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Bucket(bucket).Put([]byte(key), data)
}

func remove(tx *bolt.Tx, bucket []byte, key string) error {
	return tx.Bucket(bucket).Delete([]byte(key))
}
