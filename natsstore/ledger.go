package natsstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// ledger is a file beside the server's files. It has an entry for each acknowledged change,
// so that a missing record is noticed, wherever it was stored.
//
// Nothing waits until an entry is on the disk. The end of the process loses no entry; a loss
// of power may lose some, whose records are then not looked for. An entry is written after
// its change is on the disk, so that it is never wrong. The entry of a deletion is written
// before the deletion: the server forgets in time that there was one, and the record must
// not count as missing then.
type ledger struct {
	path string

	mu      sync.Mutex
	file    *os.File // nil until open, and while it cannot be opened again
	closed  bool
	entries int     // in the file
	kept    int     // how many of them the last rewriting left
	late    []entry // entries that could not be written yet
}

// entry says that the last message of a subject has at least this sequence. If gone, it says
// that messages of the subject up to this sequence may be missing.
type entry struct {
	subject  uint64 // its hash
	sequence uint64
	gone     bool
}

const (
	entrySize = 8 + 8 + 4
	entryGone = 1 << 63

	// minRewrite is the number of entries below which the ledger is not rewritten.
	minRewrite = 1 << 15

	// goneFor is how many later changes the entry of a deletion is kept for: the entry
	// of the change before the deletion may be written late.
	goneFor = 1 << 20
)

var errUnreadable = errors.New("the ledger cannot be read")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode appends an entry. Its check sum includes the index, so that an entry in a wrong
// place is not valid.
func (e entry) encode(to []byte, index int) []byte {
	sequence := e.sequence
	if e.gone {
		sequence |= entryGone
	}
	at := len(to)
	to = binary.LittleEndian.AppendUint64(to, e.subject)
	to = binary.LittleEndian.AppendUint64(to, sequence)
	return binary.LittleEndian.AppendUint32(to, entrySum(to[at:], index))
}

func entrySum(data []byte, index int) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], uint64(index)+1)
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, data)
}

// changes is the content of a ledger.
type changes struct {
	last    map[uint64]uint64 // sequence of the last change, by subject
	gone    map[uint64]uint64 // sequence of the last deletion, by subject
	most    uint64            // the greatest sequence
	entries int               // valid entries from the beginning
}

func newChanges() changes {
	return changes{last: make(map[uint64]uint64), gone: make(map[uint64]uint64)}
}

func (c *changes) add(e entry) {
	of := c.last
	if e.gone {
		of = c.gone
	}
	of[e.subject] = max(of[e.subject], e.sequence)
	c.most = max(c.most, e.sequence)
}

// expected yields the messages that must exist.
func (c *changes) expected(yield func(subject, sequence uint64) bool) {
	for subject, sequence := range c.last {
		if sequence > c.gone[subject] && !yield(subject, sequence) {
			return
		}
	}
}

// missing returns the sequences of the expected messages that do not exist, in order.
func (c *changes) missing(there map[uint64]lastMessage) (missing []uint64) {
	for subject, sequence := range c.expected {
		if there[subject].sequence < sequence {
			missing = append(missing, sequence)
		}
	}
	slices.Sort(missing)
	return missing
}

// readChanges reads a ledger. A loss of power may leave invalid entries at its end. If there
// is a valid entry after an invalid one, the error matches errUnreadable.
func readChanges(path string) (changes, error) {
	c := newChanges()
	data, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	for index := range len(data) / entrySize {
		at := data[index*entrySize:][:entrySize]
		if binary.LittleEndian.Uint32(at[16:]) != entrySum(at[:16], index) {
			continue
		}
		if index != c.entries {
			return c, fmt.Errorf("%w: entry %d of %d of %s", errUnreadable, c.entries+1, len(data)/entrySize, path)
		}
		sequence := binary.LittleEndian.Uint64(at[8:])
		c.add(entry{binary.LittleEndian.Uint64(at), sequence &^ entryGone, sequence&entryGone != 0})
		c.entries++
	}
	return c, nil
}

// begin opens the ledger, to append after the entries that were read. If it is open already,
// nothing happens: the server was started anew, and changes are under way.
func (l *ledger) begin(c changes) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return nil
	}
	return l.reopen(c.entries, c.entries)
}

// rewrite is like begin, but writes a new ledger first, of the messages in the folder.
func (l *ledger) rewrite(there map[uint64]lastMessage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return nil
	}
	var data []byte
	entries := 0
	for subject, msg := range there {
		if msg.stays {
			data = entry{subject: subject, sequence: msg.sequence}.encode(data, entries)
			entries++
		}
	}
	return l.replace(data, entries)
}

// replace writes the ledger anew. The file is closed meanwhile, since some systems cannot
// replace an open file. If that fails, the old ledger goes on.
func (l *ledger) replace(data []byte, entries int) error {
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
	if err := replace(l.path, data); err != nil {
		return errors.Join(err, l.reopen(l.entries, l.kept))
	}
	return l.reopen(entries, entries)
}

func (l *ledger) reopen(entries, kept int) (err error) {
	if l.file != nil {
		_ = l.file.Close()
	}
	if l.file, err = os.OpenFile(l.path, os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	if err := l.file.Truncate(int64(entries) * entrySize); err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	l.entries, l.kept = entries, kept
	return nil
}

// add writes entries. If that fails, they are written with later ones. The error is fs.ErrClosed
// if the ledger was closed: then they are never written.
func (l *ledger) add(added ...entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fs.ErrClosed
	}
	added = append(l.late, added...)
	if err := l.write(added); err != nil {
		l.late = slices.Clone(added)
		return err
	}
	l.entries, l.late = l.entries+len(added), nil
	if l.entries > 2*l.kept+minRewrite {
		if err := l.shorten(); err != nil {
			l.kept = l.entries // it is tried again, but not at once
			return err
		}
	}
	return nil
}

func (l *ledger) write(added []entry) error {
	if l.file == nil {
		if err := l.reopen(l.entries, l.kept); err != nil {
			return err
		}
	}
	data := make([]byte, 0, len(added)*entrySize)
	for i, e := range added {
		data = e.encode(data, l.entries+i)
	}
	_, err := l.file.WriteAt(data, int64(l.entries)*entrySize)
	return err
}

// shorten rewrites the ledger without the entries that later ones have replaced.
func (l *ledger) shorten() error {
	c, err := readChanges(l.path)
	if err != nil {
		return err
	}
	var data []byte
	entries := 0
	for subject, sequence := range c.expected {
		data = entry{subject: subject, sequence: sequence}.encode(data, entries)
		entries++
	}
	for subject, sequence := range c.gone {
		if sequence+goneFor > c.most {
			data = entry{subject, sequence, true}.encode(data, entries)
			entries++
		}
	}
	return l.replace(data, entries)
}

// sync waits until all entries are on the disk.
func (l *ledger) sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fs.ErrClosed
	}
	return l.file.Sync()
}

func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed = true; l.file == nil {
		return nil
	}
	err := errors.Join(l.file.Sync(), l.file.Close())
	l.file = nil
	return err
}
