package natsstore_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server/thw"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// fill writes records of that size, and closes the store. The other folder that
// it returns is as the store was just before: as one whose process was killed.
func fill(t *testing.T, records, size int) (closed, killed string) {
	t.Helper()
	closed, killed = filepath.Join(t.TempDir(), "closed"), filepath.Join(t.TempDir(), "killed")
	s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: closed, Timeout: patience})
	require.NoError(t, err)
	for i := range records {
		_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint("job ", i), Value: make([]byte, size)})
		require.NoError(t, err)
	}
	require.NoError(t, os.CopyFS(killed, os.DirFS(closed)))
	require.NoError(t, s.Close())
	return closed, killed
}

// find returns the last file or folder below dir with such a name.
func find(t *testing.T, dir, pattern string) string {
	t.Helper()
	var found string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); ok {
			found = path
		}
		return err
	}))
	require.NotEmpty(t, found)
	return found
}

// flip changes a byte; a negative offset counts from the end.
func flip(t *testing.T, path string, offset int) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	if offset < 0 {
		offset += len(data)
	}
	data[offset] ^= 0xff
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

func TestOpen_damaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, dir string){
		"the bucket is gone": func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(filepath.Dir(find(t, dir, "msgs"))))
		},
		"the bucket's description is nonsense": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(find(t, dir, "meta.inf"), []byte("nonsense"), 0o600))
		},
		"the records are gone": func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(find(t, dir, "msgs")))
		},
		"the last records are cut off": func(t *testing.T, dir string) {
			block := find(t, dir, "*.blk")
			info, err := os.Stat(block)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(block, info.Size()/2))
		},
		"a record is changed": func(t *testing.T, dir string) { flip(t, find(t, dir, "*.blk"), 50_000) },
		"the notes are nonsense": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(find(t, dir, "notes.json"), []byte("{"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, _ := fill(t, 100, 1000)
			damage(t, dir)
			isDamaged(t, dir)
		})
	}
}

// isDamaged checks that the folder is known to be damaged, whatever the server
// mended.
func isDamaged(t *testing.T, dir string) {
	t.Helper()
	for range 2 {
		_, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: patience})
		require.ErrorIs(t, err, natsstore.ErrDamaged)
		require.ErrorContains(t, err, dir)
	}
}

// In a store of several files, each is looked at.
func TestOpen_damagedFiles(t *testing.T) {
	t.Parallel()
	const records, size = 40, 256 << 10
	closed, killed := fill(t, records, size)
	for _, tt := range []struct {
		name   string
		folder string
		damage func(t *testing.T, msgs string)
	}{
		{"the oldest is changed", killed, func(t *testing.T, msgs string) { flip(t, filepath.Join(msgs, "1.blk"), 0) }},
		{"one between is changed", killed, func(t *testing.T, msgs string) { flip(t, filepath.Join(msgs, "2.blk"), 3<<20) }},
		{"the newest is changed", killed, func(t *testing.T, msgs string) { flip(t, filepath.Join(msgs, "3.blk"), 0) }},
		{"one is missing", closed, func(t *testing.T, msgs string) { require.NoError(t, os.Remove(filepath.Join(msgs, "2.blk"))) }},
		{"the last record is changed", closed, func(t *testing.T, msgs string) { flip(t, filepath.Join(msgs, "3.blk"), -1000) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "copy")
			require.NoError(t, os.CopyFS(dir, os.DirFS(tt.folder)))
			tt.damage(t, find(t, dir, "msgs"))
			isDamaged(t, dir)
		})
	}
}

// The server's list of what expires costs no record, whatever is in it: it may be damaged, or know of
// sequences that other records have since.
func TestOpen_wrongExpiry(t *testing.T) {
	t.Parallel()
	const records = 20
	closed, killed := fill(t, records, 100)
	for _, dir := range []string{closed, killed} {
		wheel := thw.NewHashWheel()
		for sequence := range uint64(records / 2) {
			require.NoError(t, wheel.Add(1+sequence, 1))
		}
		require.NoError(t, os.WriteFile(filepath.Join(find(t, dir, "msgs"), "thw.db"), wheel.Encode(records), 0o600))
		s := open(t, natsstore.Options{Dir: dir})
		for range 2 {
			n := 0
			for _, err := range s.List(t.Context(), submit.KindJob) {
				require.NoError(t, err)
				n++
			}
			require.Equal(t, records, n)
			time.Sleep(1500 * time.Millisecond) // the server looks each second
		}
	}
}

// A kill breaks off the record that is being written, which is no damage: nobody
// was told that it is there.
func TestOpen_brokenOff(t *testing.T) {
	t.Parallel()
	const records = 40
	_, dir := fill(t, records, 256<<10) // in several files
	block := find(t, dir, "*.blk")
	data, err := os.ReadFile(block)
	require.NoError(t, err)
	last := bytes.LastIndex(data, []byte("$KV.readback.job."))
	require.NoError(t, os.Truncate(block, int64(last+500)))
	ledger := find(t, dir, "*.changes")
	require.NoError(t, os.Truncate(ledger, (records-1)*20)) // as before the answer

	for range 2 {
		s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, Timeout: patience})
		require.NoError(t, err)
		n := 0
		for _, err := range s.List(t.Context(), submit.KindJob) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, records-1, n)
		require.NoError(t, s.Close())
	}
}

// A loss of power breaks off a group that is being written, anywhere in it, which is no damage
// either: the server waits for the disk once, at its end. That of one before it is.
func TestOpen_groupBrokenOff(t *testing.T) {
	t.Parallel()
	const single, grouped = 5, 20
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, natsstore.Options{Dir: dir})
	groups := make([][]submit.Record, 2)
	for i := range groups {
		for n := range grouped {
			groups[i] = append(groups[i], submit.Record{Kind: submit.KindJob, Key: fmt.Sprint("job ", i, " ", n), Value: make([]byte, 300)})
		}
	}
	var ledger int64
	for _, group := range groups {
		for n := range single {
			_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(group[0].Key, " alone ", n), Value: make([]byte, 300)})
			require.NoError(t, err)
		}
		info, err := os.Stat(find(t, dir, "*.changes"))
		require.NoError(t, err)
		ledger = info.Size()
		_, err = s.ChangeAll(t.Context(), group)
		require.NoError(t, err)
	}
	for name, tt := range map[string]struct {
		first int // of the records that are broken
		at    func(record) int
		whole bool
	}{
		"the first of it":                 {single + grouped + single, func(r record) int { return r.subject }, true},
		"one between, where it has no id": {single + grouped + single + 7, func(r record) int { return r.subject + 60 }, true},
		"the last but one":                {2*(single+grouped) - 2, func(r record) int { return r.end - 10 }, true},
		"what was acknowledged before it": {single + grouped + single - 1, func(r record) int { return r.end - 10 }, false},
		"one of a group before it":        {single + grouped - 1, func(r record) int { return r.end - 10 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killed := filepath.Join(t.TempDir(), "killed")
			require.NoError(t, os.CopyFS(killed, os.DirFS(dir)))
			require.NoError(t, os.Truncate(find(t, killed, "*.changes"), ledger)) // as before the answer
			block := find(t, killed, "*.blk")
			flip(t, block, tt.at(recordsOf(t, block)[tt.first]))
			if !tt.whole {
				isDamaged(t, killed)
				return
			}
			n := 0
			for _, err := range open(t, natsstore.Options{Dir: killed}).List(t.Context(), submit.KindJob) {
				require.NoError(t, err)
				n++
			}
			assert.Equal(t, tt.first, n)
		})
	}
}

// With NoSync, a loss of power may take more than that, but only of what came
// last.
func TestOpen_brokenOffUnsynced(t *testing.T) {
	t.Parallel()
	_, dir := fill(t, 40, 256<<10)
	older := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(older, os.DirFS(dir)))
	flip(t, find(t, dir, "*.blk"), 0)
	open(t, natsstore.Options{Dir: dir, NoSync: true})
	flip(t, find(t, older, "2.blk"), 0)
	_, err := natsstore.Open(t.Context(), natsstore.Options{Dir: older, NoSync: true, Timeout: patience})
	require.ErrorIs(t, err, natsstore.ErrDamaged)
}

// What is missing only since it was no longer needed is no damage, however the
// store was left.
func TestOpen_compacted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 {
		s, err := natsstore.Open(t.Context(), natsstore.Options{Dir: dir, NoSync: true, Timeout: patience})
		require.NoError(t, err)
		r := submit.Record{Kind: submit.KindJob, Key: "a", Value: make([]byte, 256<<10)}
		r.Revision, err = s.Create(t.Context(), r)
		require.NoError(t, err)
		for range 40 {
			r.Revision, err = s.Update(t.Context(), r)
			require.NoError(t, err)
		}
		require.NoError(t, s.Delete(t.Context(), r))
		killed := filepath.Join(t.TempDir(), "killed")
		require.NoError(t, os.CopyFS(killed, os.DirFS(dir)))
		open(t, natsstore.Options{Dir: killed, NoSync: true})
		require.NoError(t, s.Close())
	}
}
