package natsstore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

const diskFolder = "READBACK_TEST_DISK"

func TestStore_diskFull(t *testing.T) {
	t.Parallel()
	onSmallDisk(t, fillDisk)
}

// A disk that was full for a while costs a submitter no more than that while: its
// own deadlines, which end before those of the store, do not hide the trouble.
func TestStore_diskFullUnderSubmitter(t *testing.T) {
	t.Parallel()
	onSmallDisk(t, fillDiskOfSubmitter)
}

// onSmallDisk runs a test on a small disk, which is mounted in a process that has
// its own mounts.
func onSmallDisk(t *testing.T, test func(t *testing.T, disk string)) {
	t.Helper()
	if dir := os.Getenv(diskFolder); dir != "" {
		require.NoError(t, syscall.Mount("none", dir, "tmpfs", 0, "size=8m"))
		test(t, dir)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	child.Env = append(os.Environ(), diskFolder+"="+t.TempDir())
	child.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		child.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}

func fillDisk(t *testing.T, disk string) {
	ballast := filepath.Join(disk, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 3<<20), 0o600))
	o := natsstore.Options{Dir: filepath.Join(disk, "store"), Timeout: 10 * time.Second}
	s := open(t, o)
	acknowledged := make(map[string]uint64)
	untilFull(t, s, "first", acknowledged)

	require.NoError(t, os.Truncate(ballast, 1<<20))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindLease, Key: "after"})
		assert.NoError(c, err)
	}, soon, 50*time.Millisecond)
	allThere(t, s, acknowledged)

	// One that is closed while it is full, and is being mended, is as good.
	untilFull(t, s, "second", acknowledged)
	began := time.Now()
	_ = s.Close() // there may be no room for its notes
	assert.Less(t, time.Since(began), patience)
	require.NoError(t, os.Remove(ballast))
	allThere(t, open(t, o), acknowledged)
}

func fillDiskOfSubmitter(t *testing.T, disk string) {
	s := open(t, natsstore.Options{Dir: filepath.Join(disk, "store"), Timeout: 5 * time.Second}) // as by default
	ballast := filepath.Join(disk, "ballast")
	for _, lease := range []time.Duration{0, time.Second} {
		jobs := instant(t, s, lease)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := jobs.Submit(ctx, fmt.Sprint("before ", lease), 1)
		require.NoError(t, err)

		_ = os.WriteFile(ballast, make([]byte, 8<<20), 0o600) // as much as there is room for
		var submitted sync.WaitGroup
		for i := range 100 {
			key := fmt.Sprint("meanwhile ", lease, i)
			one := func(yield func(string, int) bool) { yield(key, i) }
			submitted.Go(func() {
				switch i % 4 { // whatever door a job comes in by
				case 0:
					_, err := jobs.Submit(ctx, key, i)
					assert.NoError(t, err)
				case 1:
					assert.NoError(t, jobs.Enqueue(ctx, key, i))
				case 2:
					for _, res := range jobs.SubmitAll(ctx, one) {
						assert.NoError(t, res.Err)
					}
				case 3:
					for _, err := range jobs.EnqueueAll(ctx, one) {
						assert.NoError(t, err)
					}
				}
			})
		}
		time.Sleep(2 * time.Second) // a disk has no other clock
		require.NoError(t, os.Remove(ballast))
		freed := time.Now()
		submitted.Wait()
		assert.Less(t, time.Since(freed), 30*time.Second)
		t.Logf("lease %v: healed %v after there was room", lease, time.Since(freed))
		_, err = jobs.Submit(ctx, fmt.Sprint("after ", lease), 1)
		require.NoError(t, err)
		for i := range 100 { // none of those that were enqueued is lost
			_, err := jobs.Submit(ctx, fmt.Sprint("meanwhile ", lease, i), i)
			require.NoError(t, err)
		}
	}
}

// untilFull writes from many goroutines until that fails for want of space.
func untilFull(t *testing.T, s *natsstore.Store, name string, acknowledged map[string]uint64) {
	t.Helper()
	var mu sync.Mutex
	full := false
	var writing sync.WaitGroup
	for writer := range 16 {
		writing.Go(func() {
			for i := 0; ; i++ {
				r := submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(name, " ", writer, " ", i), Value: value}
				revision, err := s.Create(t.Context(), r)
				mu.Lock()
				if err == nil {
					acknowledged[r.Key] = revision
				} else {
					assert.ErrorIs(t, err, natsstore.ErrUnavailable)
					full = full || strings.Contains(err.Error(), "out of space")
				}
				enough := full && err != nil // some hear other reasons, also of a busy machine
				mu.Unlock()
				if enough || t.Context().Err() != nil {
					return
				}
			}
		})
	}
	writing.Wait()
	require.NotEmpty(t, acknowledged)
}

var value = bytes.Repeat([]byte("x"), 3000)

// allThere checks that nothing is missing that was acknowledged.
func allThere(t *testing.T, s *natsstore.Store, acknowledged map[string]uint64) {
	t.Helper()
	found := make(map[string]uint64)
	for r, err := range s.List(t.Context(), submit.KindJob) {
		require.NoError(t, err)
		assert.True(t, bytes.Equal(value, r.Value), r.Key)
		found[r.Key] = r.Revision
	}
	for key, revision := range acknowledged {
		assert.Equal(t, revision, found[key], key)
	}
}
