package natsstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// found is the last message of a subject in a folder.
type found struct {
	sequence uint64
	stays    bool // until it is changed: the server does not forget it by itself
}

// blocks reads the last message of each subject from the files of a bucket, by
// the subject's hash. The server must have read them before: it cuts off what it
// cannot read, with the help of its check sums, so that all is in order here.
func (f *folder) blocks(n names) (map[uint64]found, error) {
	files, err := f.files(n)
	if err != nil {
		return nil, err
	}
	last := make(map[uint64]found)
	removed := make(map[uint64]struct{})
	for name := range files {
		data, err := os.ReadFile(filepath.Join(f.messages(n), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // nothing in it was needed any more
		}
		if err != nil {
			return nil, fmt.Errorf("natsstore: %w", err)
		}
		if err := scan(data, last, removed); err != nil {
			return nil, fmt.Errorf("natsstore: %s: %w", name, err)
		}
	}
	for subject, msg := range last {
		if _, ok := removed[msg.sequence]; ok {
			delete(last, subject) // what was there before it was replaced by it
		}
	}
	return last, nil
}

// A message in a file: its length, sequence, time and the length of its subject;
// the subject; the length of the header, if there is one; header, body, check sum.
const (
	messageHead = 4 + 8 + 8 + 2
	messageSum  = 8
	withHeader  = 1 << 31 // in the length
	erased      = 1 << 63 // in the sequence
	tombstone   = 1 << 62 // in the sequence: that message is removed
)

var (
	errLayout = errors.New("the file is laid out in another way")
	timeLimit = []byte("\r\nNats-TTL:")
)

// scan reads the messages of one file.
func scan(data []byte, last map[uint64]found, removed map[uint64]struct{}) error {
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
			removed[sequence&^tombstone] = struct{}{}
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
		if hash := hashOf(subject); sequence >= last[hash].sequence {
			last[hash] = found{sequence: sequence, stays: !bytes.Contains(header, timeLimit)}
		}
	}
	return nil
}

// hashOf is FNV-1a, which stays the same.
func hashOf[T string | []byte](subject T) uint64 {
	hash := uint64(14695981039346656037)
	for i := range len(subject) {
		hash = (hash ^ uint64(subject[i])) * 1099511628211
	}
	return hash
}
