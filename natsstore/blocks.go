package natsstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/readback-go/readback/submit"
)

// lastMessage is the last message of a subject in a folder.
type lastMessage struct {
	sequence uint64
	stays    bool  // it has no TTL: the server does not remove it by itself
	label    uint8 // of a job that exists: 1 + the index of its label; otherwise 0
}

// contents is what a scan finds in the files of a bucket: the last message of each
// subject, by the subject's hash.
type contents struct {
	jobs    []byte // the prefix of the subjects of jobs
	last    map[uint64]lastMessage
	labels  []string
	removed map[uint64]struct{}
}

// blocks reads the files of a bucket. The server must have started before: it verifies
// the check sums and cuts off what it cannot read.
func (f *folder) blocks(n names) (*contents, error) {
	files, err := f.files(n)
	if err != nil {
		return nil, err
	}
	c := &contents{
		jobs: []byte(strings.TrimSuffix(n.kind(submit.KindJob), "*")),
		last: make(map[uint64]lastMessage), labels: []string{""}, removed: make(map[uint64]struct{}),
	}
	for name := range files {
		data, err := os.ReadFile(filepath.Join(f.messages(n), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the server has removed the file: all its messages were replaced
		}
		if err != nil {
			return nil, fmt.Errorf("natsstore: %w", err)
		}
		if err := c.scan(data); err != nil {
			return nil, fmt.Errorf("natsstore: %s: %w", name, err)
		}
	}
	for subject, msg := range c.last {
		if _, ok := c.removed[msg.sequence]; ok {
			delete(c.last, subject) // earlier messages of the subject were replaced by it
		}
	}
	return c, nil
}

// index returns the sequences of the jobs of each label, up to last.
func (c *contents) index(last uint64) *index {
	x := &index{last: last, labels: make(map[string][]uint64), began: time.Now()}
	for _, msg := range c.last {
		if msg.label > 0 && msg.sequence <= last {
			x.add(c.labels[msg.label-1], msg.sequence)
		}
	}
	for _, sequences := range x.labels {
		slices.Sort(sequences)
	}
	return x
}

// The layout of a message in a file: length, sequence, time, length of the subject;
// subject; length of the header, if there is one; header, body, check sum.
const (
	messageHead = 4 + 8 + 8 + 2
	messageSum  = 8
	withHeader  = 1 << 31 // in the length
	erased      = 1 << 63 // in the sequence
	tombstone   = 1 << 62 // in the sequence: that message is removed
)

var (
	errLayout = errors.New("the layout of the file is not known: it was written by another version of the server")
	timeLimit = headerLine("Nats-TTL")
	labelLine = headerLine(labelHeader)
	goneLines = [...][]byte{headerLine(operationHeader), headerLine(jetstream.MarkerReasonHeader)}
)

func headerLine(name string) []byte { return []byte("\r\n" + name + ":") }

// scan reads the messages of one file.
func (c *contents) scan(data []byte) error {
	for len(data) > 0 {
		if len(data) < messageHead+messageSum {
			return errLayout
		}
		length, sequence := binary.LittleEndian.Uint32(data), binary.LittleEndian.Uint64(data[4:])
		subjectEnd := messageHead + int(binary.LittleEndian.Uint16(data[20:]))
		size := int(length &^ withHeader)
		if size > len(data) || subjectEnd+messageSum > size {
			return errLayout
		}
		subject, rest := data[messageHead:subjectEnd], data[subjectEnd:size-messageSum]
		data = data[size:]
		if sequence&tombstone != 0 {
			c.removed[sequence&^tombstone] = struct{}{}
			continue
		}
		if sequence&erased != 0 || len(subject) == 0 {
			continue
		}
		var header []byte
		if length&withHeader != 0 {
			if len(rest) < 4 || uint64(binary.LittleEndian.Uint32(rest)) > uint64(len(rest)-4) {
				return errLayout
			}
			header = rest[4:][:binary.LittleEndian.Uint32(rest)]
		}
		if hash := hashOf(subject); sequence >= c.last[hash].sequence {
			c.last[hash] = lastMessage{sequence: sequence, stays: !bytes.Contains(header, timeLimit), label: c.labelOf(subject, header)}
		}
	}
	return nil
}

// labelOf returns 1 + the index of a message's label, or 0 if the message is not of a job
// that exists. There are at most 255 labels: jobs with further ones count as without a
// label, and are read whatever label is asked for.
func (c *contents) labelOf(subject, header []byte) uint8 {
	isGone := func(line []byte) bool { return bytes.Contains(header, line) }
	if !bytes.HasPrefix(subject, c.jobs) || slices.ContainsFunc(goneLines[:], isGone) {
		return 0
	}
	_, rest, _ := bytes.Cut(header, labelLine)
	label, _, _ := bytes.Cut(rest, []byte("\r\n"))
	label = bytes.TrimSpace(label)
	for place, known := range c.labels {
		if string(label) == known {
			return uint8(place) + 1
		}
	}
	if len(c.labels) == math.MaxUint8 {
		return 1
	}
	c.labels = append(c.labels, string(label))
	return uint8(len(c.labels))
}

// hashOf is FNV-1a of 64 bits. It is stored in the ledger, so it must never change.
func hashOf[T string | []byte](subject T) uint64 {
	hash := uint64(14695981039346656037)
	for i := range len(subject) {
		hash = (hash ^ uint64(subject[i])) * 1099511628211
	}
	return hash
}
