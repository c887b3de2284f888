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

// folder is the folder that a server in this process writes to. It guards against two things
// that the server does not notice: a second server in the same folder, and a bucket that it
// cannot read, instead of which it would start an empty one.
type folder struct {
	dir    string
	lock   *flock.Flock
	ledger ledger

	// The files before the server starts, which cuts off what it cannot read.
	before map[string]int64 // sizes by name
	newest string           // the file that the server appends to
	tail   []byte           // the content of newest
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

// messages is the folder in which the server keeps the messages of a bucket.
func (f *folder) messages(n names) string {
	return filepath.Join(f.dir, "jetstream", "$G", "streams", n.stream(), "msgs")
}

// checkBefore checks the files before the server starts, since the server does not notice a
// missing one. It also removes the server's summaries, so that the server reads all messages
// and verifies their check sums: a damaged record is then found now, and not later.
func (f *folder) checkBefore(n names) error {
	f.ledger.path = filepath.Join(f.dir, n.bucket+".changes")
	known, err := f.read()
	if err != nil {
		return err
	}
	if err := f.readFiles(n); err != nil {
		return err
	}
	was, once := known.Buckets[n.bucket]
	if info, err := os.Stat(f.ledger.path); !once && err == nil && info.Size() >= entrySize {
		// The notes are lost. There were some once there was a ledger, which says what
		// must be there.
		was.Ledger = true
		if err := f.note(n.bucket, was); err != nil {
			return err
		}
	}
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
	if err := f.damageError(n.bucket, was); err != nil {
		return err
	}
	for _, name := range summaries {
		if err := os.Remove(filepath.Join(f.messages(n), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("natsstore: %w", err)
		}
	}
	return nil
}

// summaries are the server's: of all messages, and of when which of them expire. It believes the
// second one, which has no check sum, and may know of sequences that a loss of power took back.
var summaries = [...]string{"index.db", "thw.db"}

// readFiles remembers the files as they are before the server starts.
func (f *folder) readFiles(n names) (err error) {
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

// cutOff returns what is wrong if the server cut off an acknowledged record when it started,
// and "" if not. A crash cuts off the record or the group that was being written, which was
// never acknowledged; all others were.
func (f *folder) cutOff(ctx context.Context, conn *nats.Conn, n names, noSync bool) (string, error) {
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
		return "", err // nil if the file is shorter because replaced messages were removed
	}
	// The server counts only the bytes of the oldest damaged file.
	for name, size := range f.before {
		if name != f.newest && size-after[name] == int64(lost.Bytes) {
			return fmt.Sprintf("the last %d bytes of %s could not be read", lost.Bytes, name), nil
		}
	}
	tail := f.tail[max(0, len(f.tail)-int(lost.Bytes)):]
	records := bytes.Count(tail, []byte(n.prefix()))
	if records-lastGroup(tail) > 1 && !noSync { // the first of a group may be torn where its id is
		return fmt.Sprintf("the last %d bytes of %s could not be read, with %d records", lost.Bytes, f.newest, records), nil
	}
	return "", nil
}

// lastGroup returns how many messages of the last group are in a part of a file, as far as
// they can be recognised.
func lastGroup(data []byte) int {
	line := headerLine(batchHeader)
	at := bytes.LastIndex(data, line)
	if at < 0 {
		return 0
	}
	id, _, _ := bytes.Cut(data[at+len(line):], []byte("\r\n"))
	return bytes.Count(data, append(line, id...))
}

// noteClosed notes the last change and the files when the store is closed.
func (f *folder) noteClosed(n names, last uint64) error {
	files, err := f.files(n)
	if err != nil {
		return err
	}
	return f.note(n.bucket, note{Last: last, Files: files, Ledger: true})
}

// checkBucket returns ErrDamaged if the server lacks a bucket that it once had. It must be
// called before the bucket is made.
func (f *folder) checkBucket(ctx context.Context, js jetstream.JetStream, n names) error {
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

// checkAfter checks the bucket after the server has started: it returns ErrDamaged if
// something is missing, and notes that. Otherwise it returns an index of the changes up to
// last, the last change of the bucket.
func (f *folder) checkAfter(ctx context.Context, conn *nats.Conn, n names, last uint64, noSync bool) (*index, error) {
	known, err := f.read()
	if err != nil {
		return nil, err
	}
	labels := &index{}
	was := known.Buckets[n.bucket]
	if was.Damaged, err = f.cutOff(ctx, conn, n, noSync); err != nil {
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
	return labels, f.damageError(n.bucket, was)
}

// compare returns what is wrong if the ledger has entries whose messages are missing, and ""
// if not. It then opens the ledger, or makes it if there was none. With noSync, the last
// changes may be missing.
func (f *folder) compare(there map[uint64]lastMessage, kept bool, last uint64, noSync bool) (string, error) {
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
	if tolerated > 0 || c.entries > 2*len(there)+minRewrite/2 {
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

// lostOf asks the server what it could not read. The client library does not decode that.
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
