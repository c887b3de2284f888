package natsstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// folder is one that a server in this process writes to. The server does not
// notice another one in the same folder, nor that a bucket which it once had
// cannot be read: it would begin an empty one.
type folder struct {
	dir    string
	lock   *flock.Flock
	ledger ledger

	// What there is before the server starts: it cuts off what it cannot read.
	before map[string]int64 // the files' sizes
	newest string           // the file that is written to
	tail   []byte           // what is in that
}

func lockFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("natsstore: %w", err)
	}
	f := &folder{dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
	switch got, err := f.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("natsstore: %w", err)
	case !got:
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	return f, nil
}

func (f *folder) release() error { return errors.Join(f.ledger.close(), f.lock.Unlock()) }

// messages is where the server keeps what is in a bucket.
func (f *folder) messages(n names) string {
	return filepath.Join(f.dir, "jetstream", "$G", "streams", n.stream(), "msgs")
}

// begin looks at the files before the server does, which would take no notice of
// one that is missing. It also has the server read all that it wrote, with its
// check sums, rather than believe its own summary: one record that cannot be read
// is then found now, and not in the middle of the work.
func (f *folder) begin(n names) error {
	f.ledger.path = filepath.Join(f.dir, n.bucket+".changes")
	known, err := f.read()
	if err != nil {
		return err
	}
	if err := f.look(n); err != nil {
		return err
	}
	was := known.Buckets[n.bucket]
	if was.Files != nil && was.Damaged == "" {
		for name, size := range was.Files {
			if f.before[name] < size {
				was.Damaged = fmt.Sprintf("the file %s had %d bytes, and has %d", name, size, f.before[name])
			}
		}
		was.Files = nil // they change from now on
		if err := f.note(n.bucket, was); err != nil {
			return err
		}
	}
	if err := f.damage(n.bucket, was); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(f.messages(n), "index.db")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("natsstore: %w", err)
	}
	return nil
}

// look remembers what there is.
func (f *folder) look(n names) (err error) {
	f.newest, f.tail = "", nil
	if f.before, err = f.files(n); err != nil {
		return err
	}
	last := -1
	for name := range f.before {
		if number, err := strconv.Atoi(strings.TrimSuffix(name, blockSuffix)); err == nil && number > last {
			f.newest, last = name, number
		}
	}
	if f.newest == "" {
		return nil
	}
	if f.tail, err = os.ReadFile(filepath.Join(f.messages(n), f.newest)); err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	return nil
}

const blockSuffix = ".blk"

// files returns the sizes of the files that hold records.
func (f *folder) files(n names) (map[string]int64, error) {
	found := make(map[string]int64)
	entries, err := os.ReadDir(f.messages(n))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("natsstore: %w", err)
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != blockSuffix {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, fmt.Errorf("natsstore: %w", err)
		}
		found[entry.Name()] = info.Size()
	}
	return found, nil
}

// lost says what is wrong if the server cut something off when it started. A
// crash breaks off the record that was being written, which nobody knows of; all
// else was acknowledged.
func (f *folder) lost(ctx context.Context, conn *nats.Conn, n names, noSync bool) (string, error) {
	after, err := f.files(n)
	if err != nil {
		return "", err
	}
	shorter := false
	for name, size := range f.before {
		shorter = shorter || after[name] < size
	}
	if !shorter {
		return "", nil
	}
	lost, err := lostOf(ctx, conn, n)
	if lost == nil || err != nil {
		return "", err // nil if what is no longer needed was removed
	}
	// The server counts the bytes of the oldest file alone.
	for name, size := range f.before {
		if name != f.newest && size-after[name] == int64(lost.Bytes) {
			return fmt.Sprintf("the last %d bytes of %s could not be read", lost.Bytes, name), nil
		}
	}
	tail := f.tail[max(0, len(f.tail)-int(lost.Bytes)):]
	if records := bytes.Count(tail, []byte(n.prefix())); records > 1 && !noSync {
		return fmt.Sprintf("the last %d bytes of %s could not be read, with %d records", lost.Bytes, f.newest, records), nil
	}
	return "", nil
}

// leave notes what is there when the store is closed.
func (f *folder) leave(n names, last uint64) error {
	files, err := f.files(n)
	if err != nil {
		return err
	}
	return f.note(n.bucket, note{Last: last, Files: files, Ledger: true})
}

// check returns ErrDamaged if the server does not have a bucket that was there
// once. It must be asked before the bucket is made.
func (f *folder) check(ctx context.Context, js jetstream.JetStream, n names) error {
	known, err := f.read()
	if err != nil {
		return err
	}
	if _, once := known.Buckets[n.bucket]; !once {
		return nil
	}
	if _, err := js.Stream(ctx, n.stream()); errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w: %s: the server cannot read the bucket %q", ErrDamaged, f.dir, n.bucket)
	}
	return nil
}

// verify returns ErrDamaged if the bucket lacks something, and notes it
// otherwise. It has changes up to last, of which verify returns an index.
func (f *folder) verify(ctx context.Context, conn *nats.Conn, n names, last uint64, noSync bool) (*index, error) {
	known, err := f.read()
	if err != nil {
		return nil, err
	}
	labels := &index{}
	was := known.Buckets[n.bucket]
	if was.Damaged, err = f.lost(ctx, conn, n, noSync); err != nil {
		return nil, err
	}
	if was.Damaged == "" && last < was.Last {
		was.Damaged = fmt.Sprintf("the last change is %d, and was %d", last, was.Last)
	}
	if was.Damaged == "" {
		there, err := f.blocks(n)
		if err != nil {
			return nil, err
		}
		if was.Damaged, err = f.compare(there.last, was.Ledger, last, noSync); err != nil {
			return nil, err
		}
		labels = there.index(last)
		was.Ledger = true
	}
	f.before, f.tail = nil, nil
	if err := f.note(n.bucket, was); err != nil {
		return nil, err
	}
	return labels, f.damage(n.bucket, was)
}

// compare says what is wrong if something is not there that the ledger has, if there
// is one, and opens it, or makes it. With noSync, what came last may be missing.
func (f *folder) compare(there map[uint64]found, kept bool, last uint64, noSync bool) (string, error) {
	if !kept {
		return "", f.ledger.rewrite(there)
	}
	c, err := readChanges(f.ledger.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errUnreadable):
		return err.Error(), nil
	case err != nil:
		return "", fmt.Errorf("natsstore: %w", err)
	}
	missing := c.missing(there)
	tolerated := 0
	for noSync && len(missing) > 0 && missing[len(missing)-1] > last {
		missing = missing[:len(missing)-1]
		tolerated++
	}
	if len(missing) > 0 {
		return fmt.Sprintf("%d records that were acknowledged are missing, by the numbers of their changes: %s",
			len(missing), shortList(missing)), nil
	}
	if tolerated > 0 || c.entries > 2*len(there)+entriesFree/2 {
		return "", f.ledger.rewrite(there)
	}
	return "", f.ledger.begin(c)
}

// shortList shows the first of many numbers.
func shortList(numbers []uint64) string {
	const most = 20
	text := strings.Trim(fmt.Sprint(numbers[:min(most, len(numbers))]), "[]")
	if len(numbers) > most {
		text += " …"
	}
	return text
}

// lostOf asks the server what it could not read, which the client does not tell.
func lostOf(ctx context.Context, conn *nats.Conn, n names) (*server.LostStreamData, error) {
	answer, err := conn.RequestWithContext(ctx, "$JS.API.STREAM.INFO."+n.stream(), []byte(`{"deleted_details":true}`))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var info struct {
		State *server.StreamState `json:"state"`
	}
	if err := json.Unmarshal(answer.Data, &info); err != nil {
		return nil, fmt.Errorf("natsstore: the state of the bucket: %w", err)
	}
	if info.State == nil {
		return nil, fmt.Errorf("natsstore: the state of the bucket is missing: %s", answer.Data)
	}
	return info.State.Lost, nil
}
