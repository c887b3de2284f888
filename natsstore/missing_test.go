package natsstore_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// record is one in a file of the server's.
type record struct{ start, subject, end int }

// recordsOf returns those of a file.
func recordsOf(t *testing.T, path string) (records []record) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := 0; at < len(data); {
		end := at + int(binary.LittleEndian.Uint32(data[at:])&^(1<<31))
		require.LessOrEqual(t, end, len(data))
		records = append(records, record{start: at, subject: at + 22, end: end})
		at = end
	}
	return records
}

// What a store acknowledged before it was killed is missed when it is gone,
// wherever it was and however neatly it was cut out.
func TestOpen_missing(t *testing.T) {
	t.Parallel()
	_, killed := fill(t, 20, 100)
	_, large := fill(t, 40, 256<<10) // in several files
	for _, tt := range []struct {
		name   string
		folder string
		want   string
		damage func(t *testing.T, dir string)
	}{
		{"the subject of the last but one is changed", killed, "2 records", func(t *testing.T, dir string) {
			block := find(t, dir, "*.blk")
			records := recordsOf(t, block)
			flip(t, block, records[len(records)-2].subject)
		}},
		{"the last ten are cut off at a record's end", killed, "10 records", func(t *testing.T, dir string) {
			block := find(t, dir, "*.blk")
			records := recordsOf(t, block)
			require.NoError(t, os.Truncate(block, int64(records[len(records)-11].end)))
		}},
		{"the last is cut off at its beginning", killed, "1 records", func(t *testing.T, dir string) {
			block := find(t, dir, "*.blk")
			records := recordsOf(t, block)
			require.NoError(t, os.Truncate(block, int64(records[len(records)-1].start)))
		}},
		{"the last is changed", killed, "1 records", func(t *testing.T, dir string) { flip(t, find(t, dir, "*.blk"), -20) }},
		{"one is taken out", killed, "1 records", func(t *testing.T, dir string) {
			block := find(t, dir, "*.blk")
			data, err := os.ReadFile(block)
			require.NoError(t, err)
			out := recordsOf(t, block)[7]
			require.NoError(t, os.WriteFile(block, append(bytes.Clone(data[:out.start]), data[out.end:]...), 0o600))
		}},
		{"the oldest file is cut off at a record's end", large, "1 records", func(t *testing.T, dir string) {
			block := filepath.Join(find(t, dir, "msgs"), "1.blk")
			records := recordsOf(t, block)
			require.NoError(t, os.Truncate(block, int64(records[len(records)-2].end)))
		}},
		{"a file between is missing", large, "records", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(find(t, dir, "msgs"), "2.blk")))
		}},
		{"the newest file is missing", large, "records", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(find(t, dir, "msgs"), "3.blk")))
		}},
		{"all files are missing", killed, "20 records", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(find(t, dir, "*.blk")))
		}},
		{"the notes know of no bucket", killed, "no bucket is noted", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(find(t, dir, "notes.json"), []byte(`{"readback":1,"buckets":null}`), 0o600))
		}},
		{"the notes have no bucket", killed, "no bucket is noted", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(find(t, dir, "notes.json"), []byte(`{"readback":1,"buckets":{}}`), 0o600))
		}},
		{"the notes have another bucket", killed, "the check sum", func(t *testing.T, dir string) {
			notes := find(t, dir, "notes.json")
			data, err := os.ReadFile(notes)
			require.NoError(t, err)
			flipped := bytes.Replace(data, []byte(`"readback":{`), []byte(`"readbacc":{`), 1)
			require.NotEqual(t, data, flipped)
			require.NoError(t, os.WriteFile(notes, flipped, 0o600))
		}},
		{"the notes are missing, with all that the server had", killed, "cannot read the bucket", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(find(t, dir, "notes.json")))
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "jetstream")))
		}},
		{"the notes are missing, with the last ten records", killed, "10 records", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(find(t, dir, "notes.json")))
			block := find(t, dir, "*.blk")
			records := recordsOf(t, block)
			require.NoError(t, os.Truncate(block, int64(records[len(records)-11].end)))
		}},
		{"the folder of the bucket is missing", killed, "cannot read the bucket", func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(find(t, dir, "KV_readback")))
		}},
		{"the bucket's description is empty", killed, "cannot read the bucket", func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(find(t, dir, "meta.inf"), 0))
		}},
		{"two files stand for each other", large, "", func(t *testing.T, dir string) {
			one, other := filepath.Join(find(t, dir, "msgs"), "1.blk"), filepath.Join(find(t, dir, "msgs"), "2.blk")
			require.NoError(t, os.Rename(one, one+".x"))
			require.NoError(t, os.Rename(other, one))
			require.NoError(t, os.Rename(one+".x", other))
		}},
		{"a file is full of zeros", large, "", func(t *testing.T, dir string) {
			block := filepath.Join(find(t, dir, "msgs"), "2.blk")
			info, err := os.Stat(block)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(block, make([]byte, info.Size()), 0o600))
		}},
		{"an older copy of a file", large, "could not be read", func(t *testing.T, dir string) {
			ones := filepath.Join(find(t, dir, "msgs"), "1.blk")
			data, err := os.ReadFile(ones)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(find(t, dir, "msgs"), "2.blk"), data, 0o600))
		}},
		{"the ledger is missing", killed, "no such file", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(find(t, dir, "*.changes")))
		}},
		{"the ledger is changed", killed, "entry 2 of 20", func(t *testing.T, dir string) { flip(t, find(t, dir, "*.changes"), 25) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "copy")
			require.NoError(t, os.CopyFS(dir, os.DirFS(tt.folder)))
			tt.damage(t, dir)
			isDamaged(t, dir)
			_, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: patience})
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// Whatever byte of a folder is changed, and wherever a file is cut off: either all
// records are there, or Open says that the folder is damaged.
func TestOpen_anyFault(t *testing.T) {
	t.Parallel()
	const records = 20
	closed, killed := fill(t, records, 100)
	draw := rand.New(rand.NewPCG(1, 2))
	for fault := range 60 {
		dir := filepath.Join(t.TempDir(), "copy")
		require.NoError(t, os.CopyFS(dir, os.DirFS([]string{closed, killed}[fault%2])))
		var files []string
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if info, _ := entry.Info(); entry.Type().IsRegular() && info.Size() > 0 {
				files = append(files, path)
			}
			return err
		}))
		file := files[draw.IntN(len(files))]
		info, err := os.Stat(file)
		require.NoError(t, err)
		if at := draw.Int64N(info.Size()); fault%4 < 2 {
			flip(t, file, int(at))
		} else {
			require.NoError(t, os.Truncate(file, at))
		}
		s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: patience})
		if err != nil {
			require.ErrorIs(t, err, natsstore.ErrDamaged, file)
			continue
		}
		found := 0
		for _, err := range s.List(t.Context(), submit.KindJob) {
			require.NoError(t, err)
			found++
		}
		require.Equal(t, records, found, file)
		require.NoError(t, s.Close())
	}
}

// A folder of a version that kept no ledger gets one.
func TestOpen_noLedger(t *testing.T) {
	t.Parallel()
	_, dir := fill(t, 20, 100)
	require.NoError(t, os.Remove(find(t, dir, "*.changes")))
	require.NoError(t, os.WriteFile(find(t, dir, "notes.json"), []byte(`{"readback":1,"buckets":{"readback":{"last":20}}}`), 0o600))
	s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: patience})
	require.NoError(t, err)
	killed := filepath.Join(t.TempDir(), "killed")
	require.NoError(t, os.CopyFS(killed, os.DirFS(dir)))
	require.NoError(t, s.Close())
	block := find(t, killed, "*.blk")
	require.NoError(t, os.Truncate(block, int64(recordsOf(t, block)[11].end)))
	isDamaged(t, killed)
}

// A panic while the server starts is an error, and the folder is free again.
func TestOpen_panics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var once sync.Once
	logger := zap.New(panics{Core: zapcore.NewNopCore(), once: &once})
	_, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: patience, Logger: logger})
	require.ErrorContains(t, err, "a panic: nonsense")
	open(t, natsstore.Options{Dir: dir})
}

// panics is a logger that panics once.
type panics struct {
	zapcore.Core
	once *sync.Once
}

func (p panics) Enabled(zapcore.Level) bool {
	p.once.Do(func() { panic("nonsense") })
	return false
}

// What was changed, deleted or never acknowledged is not missed, however often the
// store is killed, or loses the end of its ledger with the power.
func TestOpen_notMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 4 {
		s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: patience})
		require.NoError(t, err)
		want := make(map[string]uint64)
		for i := range 10 {
			r := submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(round, " ", i)}
			r.Revision, err = s.Create(t.Context(), r)
			require.NoError(t, err)
			_, err = s.Create(t.Context(), submit.Record{Kind: submit.KindLease, Key: r.Key})
			require.NoError(t, err)
			switch i % 3 {
			case 0:
				require.NoError(t, s.Delete(t.Context(), r))
				continue
			case 1:
				r.Revision, err = s.Update(t.Context(), r)
				require.NoError(t, err)
			case 2:
				require.ErrorIs(t, s.Delete(t.Context(), submit.Record{Kind: r.Kind, Key: r.Key, Revision: r.Revision + 100}), submit.ErrConflict)
			}
			want[r.Key] = r.Revision
		}
		killed := filepath.Join(t.TempDir(), "killed")
		require.NoError(t, os.CopyFS(killed, os.DirFS(dir)))
		ledger := find(t, killed, "*.changes")
		info, err := os.Stat(ledger)
		require.NoError(t, err)
		if round%2 == 1 {
			require.NoError(t, os.Truncate(ledger, info.Size()-int64(round)*30))
		}
		again := open(t, natsstore.Options{Dir: killed})
		for key, revision := range want {
			r, err := again.Get(t.Context(), submit.KindJob, key)
			require.NoError(t, err)
			assert.Equal(t, revision, r.Revision)
		}
		require.NoError(t, s.Close())
	}
}
