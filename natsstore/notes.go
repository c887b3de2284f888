package natsstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// notes is what earlier stores have noted of the buckets in a folder.
type notes struct {
	Version int             `json:"readback"`
	Buckets map[string]note `json:"buckets"`
	Sum     uint32          `json:"sum,omitempty"` // check sum of Buckets as JSON
}

type note struct {
	Last    uint64           `json:"last"`             // the last change that was seen
	Files   map[string]int64 `json:"files,omitempty"`  // sizes of the files, if the store was closed
	Ledger  bool             `json:"ledger,omitempty"` // there is a ledger with all acknowledged changes
	Damaged string           `json:"damaged,omitempty"`
}

const notesVersion = 1

func (f *folder) path() string { return filepath.Join(f.dir, "notes.json") }

func (f *folder) read() (notes, error) {
	n := notes{Version: notesVersion, Buckets: make(map[string]note)}
	data, err := os.ReadFile(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("natsstore: %w", err)
	}
	// The version first: other versions may have any other fields.
	var version struct {
		Version int `json:"readback"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return n, fmt.Errorf("%w: %s: %w", ErrDamaged, f.path(), err)
	}
	if version.Version < 1 {
		return n, fmt.Errorf("%w: %s has no version", ErrDamaged, f.path())
	}
	if version.Version != notesVersion {
		return n, fmt.Errorf("natsstore: %s is of version %d, not %d", f.path(), version.Version, notesVersion)
	}
	if err := n.decode(data); err != nil {
		return n, fmt.Errorf("%w: %s: %w", ErrDamaged, f.path(), err)
	}
	return n, nil
}

func (n *notes) decode(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(n); err != nil {
		return err
	}
	if len(n.Buckets) == 0 {
		return errors.New("no bucket is noted") // nobody writes that
	}
	sum, err := n.sum()
	if err != nil {
		return err
	}
	ledgers := false
	for _, known := range n.Buckets {
		ledgers = ledgers || known.Ledger
	}
	if sum != n.Sum && (ledgers || n.Sum != 0) { // notes without ledgers may be from before there was a sum
		return errors.New("the check sum is wrong")
	}
	return nil
}

func (n *notes) sum() (uint32, error) {
	data, err := json.Marshal(n.Buckets)
	return crc32.Checksum(data, castagnoli), err
}

// note writes what is known of a bucket.
func (f *folder) note(bucket string, known note) error {
	n, err := f.read()
	if err != nil {
		return err
	}
	n.Buckets[bucket] = known
	if n.Sum, err = n.sum(); err != nil {
		return err
	}
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return replace(f.path(), data)
}

// replace writes a file as a whole or not at all, and durably.
func replace(path string, data []byte) error {
	next, err := os.OpenFile(path+".next", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	_, err = next.Write(data)
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync() // not every system can
		_ = dir.Close()
	}
	return nil
}

// damageError returns an ErrDamaged if a bucket is noted as damaged. The note is needed
// because the server leaves out what it cannot read: at the next start all would look well.
func (f *folder) damageError(bucket string, known note) error {
	if known.Damaged == "" {
		return nil
	}
	return fmt.Errorf("%w: %s: the bucket %q: %s (noted in %s)", ErrDamaged, f.dir, bucket, known.Damaged, f.path())
}
