package submit

import "github.com/readback-go/readback/internal/pause"

// leaveBehind forgets a job that stays in the store for another holder.
func (t *term) leaveBehind(j *job) {
	t.mu.Lock()
	first := !t.behind
	t.behind = true
	t.mu.Unlock()
	t.drop(j)
	switch {
	case t.running(): // a Run began just now, and may have skipped the job while it was held
		t.wakeWatching()
	case first:
		t.spawn(t.handingOver)
	}
}

// handingOver ends a term that has left jobs behind, after a third of its lease: others
// take these jobs only when the term is over. Without it, a program that calls Enqueue
// again and again, and never Run, would keep jobs that it does not send. If Submit has
// jobs under way, handingOver waits for them, up to a lease, so that they need not be
// taken over.
func (t *term) handingOver() {
	const looks = 30 // of a lease
	wait, busy := t.options.Lease/3, true
	for n := looks / 3; busy && n <= looks; n++ {
		if !pause.For(t.ctx, wait) {
			return
		}
		t.mu.Lock()
		busy = t.jobs.len() > t.count[queued] // jobs of Submit are under way; those of Enqueue are queued
		t.mu.Unlock()
		wait = t.options.Lease / looks
	}
	t.engine.mu.Lock()
	defer t.engine.mu.Unlock()
	if t.runs == 0 { // whoever runs takes over from its own term as well
		t.end(errLeft, t.options.Lease/3)
	}
}
