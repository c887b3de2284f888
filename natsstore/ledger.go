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

// ledger is a file beside the server's that has an entry for each change that was
// acknowledged, so that one that is missing later is known to be, wherever it was.
//
// Nothing waits until an entry is on the disk: the end of the process loses none,
// and one that a loss of power takes is not missed. An entry is written after what
// it speaks of is on the disk, so that it never says too much. A deletion is
// entered before it is made: the server forgets in time that it was, and then a
// record that is not there any more must not be missed.
type ledger struct {
	path string

	mu      sync.Mutex
	file    *os.File // nil until open
	entries int      // in the file
	kept    int      // how many of them the last rewriting left
	late    []entry  // those that there was no room for
}

// entry says that the last message of a subject has at least that sequence; or, if
// gone, that what had it or a lesser one may be missing.
type entry struct {
	subject  uint64 // its hash
	sequence uint64
	gone     bool
}

const (
	entrySize = 8 + 8 + 4
	entryGone = 1 << 63

	// entriesFree is how many entries are too few to be worth a rewriting.
	entriesFree = 1 << 15

	// goneFor is for how many later changes the entry of a deletion is kept: one of
	// the change before it may come late.
	goneFor = 1 << 20
)

var errUnreadable = errors.New("the ledger cannot be read")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode appends an entry as the one of that index: out of place it is no entry.
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

// changes is what a ledger says.
type changes struct {
	last    map[uint64]uint64 // by subject
	gone    map[uint64]uint64
	most    uint64 // the greatest sequence
	entries int    // up to the last one that can be read
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

// due yields what must be there.
func (c *changes) due(yield func(subject, sequence uint64) bool) {
	for subject, sequence := range c.last {
		if sequence > c.gone[subject] && !yield(subject, sequence) {
			return
		}
	}
}

// missing returns the sequences of what should be there and is not, in order.
func (c *changes) missing(there map[uint64]found) (missing []uint64) {
	for subject, sequence := range c.due {
		if there[subject].sequence < sequence {
			missing = append(missing, sequence)
		}
	}
	slices.Sort(missing)
	return missing
}

// readChanges reads a ledger. A loss of power may leave entries at its end that are
// none; anywhere else that is an errUnreadable.
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

// begin opens the ledger behind what was read of it. One that is open goes on: the
// server was started anew, and changes are under way.
func (l *ledger) begin(c changes) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return nil
	}
	return l.reopen(c.entries, c.entries)
}

// rewrite is as begin, with a new ledger of what there is in the folder.
func (l *ledger) rewrite(there map[uint64]found) error {
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

// replace writes the ledger anew. It is closed meanwhile, since some systems replace no
// open file. If that fails it goes on as it was.
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

// add enters changes. If there is no room for them they are entered with later ones.
func (l *ledger) add(added ...entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fs.ErrClosed
	}
	added = append(l.late, added...)
	data := make([]byte, 0, len(added)*entrySize)
	for i, e := range added {
		data = e.encode(data, l.entries+i)
	}
	if _, err := l.file.WriteAt(data, int64(l.entries)*entrySize); err != nil {
		l.late = slices.Clone(added)
		return err
	}
	l.entries, l.late = l.entries+len(added), nil
	if l.entries > 2*l.kept+entriesFree {
		if err := l.shorten(); err != nil {
			l.kept = l.entries // it is tried again, but not at once
			return err
		}
	}
	return nil
}

// shorten leaves out what later entries replaced.
func (l *ledger) shorten() error {
	c, err := readChanges(l.path)
	if err != nil {
		return err
	}
	var data []byte
	entries := 0
	for subject, sequence := range c.due {
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
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.file.Sync(), l.file.Close())
	l.file = nil
	return err
}
