package pgstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/submit"
)

func TestPace(t *testing.T) {
	t.Parallel()
	const wait = 50 * time.Millisecond
	var p pace
	assert.Equal(t, wait, p.next(time.Millisecond, wait), "a cheap look")
	assert.Equal(t, wait, p.next(time.Second, wait), "one long look")
	for range 20 {
		p.next(200*time.Millisecond, wait)
	}
	assert.Equal(t, 2*time.Second, p.next(200*time.Millisecond, wait), "many long looks")
	for range 20 {
		p.next(time.Minute, wait)
	}
	assert.Equal(t, lookAtLast, p.next(time.Minute, wait))
	assert.Equal(t, wait, p.next(time.Millisecond, wait), "cheap again")
}

// A notice tells what changed, and one that is none tells nothing.
func TestPayload(t *testing.T) {
	t.Parallel()
	all := make([]uint32, maxPerNotice)
	for i := range all {
		all[i] = hash(submit.KindJob, string(rune('a'+i)))
	}
	text := payload(all)
	assert.Less(t, len(text), 8000, "as long as a notice may be")
	assert.Equal(t, all, hashes(text))
	assert.Empty(t, hashes("?"))
	assert.NotEqual(t, hash(submit.KindJob, "a"), hash(submit.KindLease, "a"))
}

// What one change tells, another process hears; what is told twice is told once.
func TestHub(t *testing.T) {
	t.Parallel()
	var here, there hub
	here.init()
	there.init()
	w, other := there.join(submit.KindJob, "a", 1), there.join(submit.KindJob, "b", 1)
	ping, leave := there.awaitJobs()
	here.changed(submit.KindJob, "a")
	here.changed(submit.KindJob, "a")
	some := here.takeUnsent()
	assert.Len(t, some, 1)
	assert.Empty(t, here.takeUnsent())
	there.notified(payload(some))
	assert.Len(t, w.ping, 1)
	assert.Empty(t, other.ping)
	assert.Empty(t, ping)
	there.notified("")
	assert.Len(t, ping, 1)
	there.setListening(true)
	assert.Len(t, other.ping, 1, "it may have missed something")
	there.leave(w)
	there.leave(other)
	leave()
	assert.Empty(t, there.watches)
	assert.Empty(t, there.arrivals)

	for i := range 3 * maxPerNotice {
		here.changed(submit.KindJob, string(rune(i)))
	}
	told := 0
	for range 4 {
		told += len(here.takeUnsent())
	}
	assert.InDelta(t, 3*maxPerNotice, told, 5, "some have one hash")
}
