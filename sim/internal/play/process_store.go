package play

import (
	"cmp"
	"context"
	"encoding/json"
	"hash/fnv"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/sim/internal/world"
	"github.com/readback-go/readback/submit"
)

// storeOf is the store as a process reaches it: with delays, with faults before
// and after a call took effect, and not at all once the process is dead.
type storeOf struct{ p *process }

// through does f between two points. What befalls it depends on what it is and on
// how often the process did it before, and not on what else goes on at the same
// time: so that a seed says all.
func through[T any](ctx context.Context, p *process, kind submit.Kind, verb, key string, f func() (T, error)) (got T, err error) {
	var none T
	what := verb + " " + kind.String()
	if kind == submit.KindJob && key != "" {
		what = verb + " " + key
	}
	n := p.count(what)
	p.mu.Lock()
	if !p.ended.IsZero() {
		p.late++
	}
	p.mu.Unlock()
	d := p.diceOf(what, n)
	before, after := d.Between(10*time.Microsecond, 3*time.Millisecond), d.Between(10*time.Microsecond, 3*time.Millisecond)
	luck, early, slow := d.Float64(), d.Chance(0.5), d.Chance(0.1)
	if _, err := p.pass(ctx, point{what, n, false}); err != nil {
		return none, err
	}
	t := &p.trouble
	fails := luck < t.faults && !time.Now().Before(t.from) && time.Now().Before(t.calm)
	if t.slow > 0 && slow {
		before += d.Between(time.Millisecond, t.slow)
		after += d.Between(time.Millisecond, t.slow)
	}
	before += t.drags / 2
	after += t.drags / 2
	if !pause.For(ctx, before) {
		return none, context.Cause(ctx)
	}
	if fails && early {
		return none, errStore
	}
	if got, err = f(); err != nil {
		return none, err
	}
	paused, err := p.pass(ctx, point{what, n, true})
	if err != nil {
		return none, err
	}
	if !paused && !pause.For(ctx, after) { // the answer may have come before the pause
		return none, context.Cause(ctx)
	}
	if fails {
		return none, errStore
	}
	return got, nil
}

// diceOf returns the dice of the nth time that a process does something.
func (p *process) diceOf(what string, n int) world.Dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(what))
	_, _ = h.Write(strconv.AppendInt(nil, int64(n), 10))
	return world.NewDice(p.s.f.w.Seed+uint64(p.n), h.Sum64())
}

// Create implements [submit.Store].
func (o storeOf) Create(ctx context.Context, r submit.Record) (uint64, error) {
	return through(ctx, o.p, r.Kind, "create", r.Key, func() (uint64, error) {
		if err := o.p.s.room.takes(r); err != nil {
			return 0, err
		}
		revision, err := o.p.s.store.Create(ctx, r)
		if err == nil && r.Kind == submit.KindJob {
			o.p.s.recorded(o.p, submit.Record{}, r)
			if hides := o.p.trouble.hides; hides > 0 && o.p.count("hidden") == 1 {
				pause.For(ctx, hides)
				return 0, errStore
			}
		}
		if err == nil && r.Kind == submit.KindLease {
			o.p.mu.Lock()
			o.p.holder = r.Key
			o.p.leases++
			o.p.mu.Unlock()
		}
		return revision, err
	})
}

// Update implements [submit.Store].
func (o storeOf) Update(ctx context.Context, r submit.Record) (uint64, error) {
	return through(ctx, o.p, r.Kind, "update", r.Key, func() (uint64, error) {
		s := o.p.s
		if err := s.room.takes(r); err != nil {
			return 0, err
		}
		before, _ := s.store.Get(ctx, r.Kind, r.Key)
		revision, err := s.store.Update(ctx, r)
		if err == nil && r.Kind == submit.KindJob {
			s.recorded(o.p, before, r)
			if r.Done && o.p.trouble.ends > 0 {
				pause.For(ctx, o.p.trouble.ends)
			}
		}
		return revision, err
	})
}

// recorded notes that p has changed the record of a job.
func (s *submission) recorded(p *process, before, after submit.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, change{p, time.Now(), after})
	for _, j := range s.jobs {
		if j.key != after.Key {
			continue
		}
		j.revived = j.revived || before.Done && !after.Done
		was, _ := saidBy(before)
		if before.Done && !after.Done || holderOf(before) != holderOf(after) || was == "aside" {
			j.taken = time.Now()
		}
		if after.Done && !before.Done {
			j.concluder = p
		}
		j.touched(before, after)
		j.revive(before, after)
	}
}

// change is one of a job's record.
type change struct {
	p  *process
	at time.Time
	submit.Record
}

// Delete implements [submit.Store].
func (o storeOf) Delete(ctx context.Context, r submit.Record) error {
	_, err := through(ctx, o.p, r.Kind, "delete", r.Key, func() (int, error) { return 0, o.p.s.store.Delete(ctx, r) })
	return err
}

// Get implements [submit.Store].
func (o storeOf) Get(ctx context.Context, kind submit.Kind, key string) (submit.Record, error) {
	return through(ctx, o.p, kind, "get", key, func() (submit.Record, error) { return o.p.s.store.Get(ctx, kind, key) })
}

// Watch implements [submit.Store].
func (o storeOf) Watch(ctx context.Context, kind submit.Kind, key string, after uint64) (submit.Record, error) {
	return through(ctx, o.p, kind, "watch", key, func() (submit.Record, error) { return o.p.s.store.Watch(ctx, kind, key, after) })
}

// List implements [submit.Store], in the order of revisions.
func (o storeOf) List(ctx context.Context, kind submit.Kind) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		all, err := through(ctx, o.p, kind, "list", "", func() (all []submit.Record, _ error) {
			for r, err := range o.p.s.store.List(ctx, kind) {
				if err != nil {
					return nil, err
				}
				all = append(all, r)
			}
			return all, nil
		})
		if err != nil {
			yield(submit.Record{}, err)
			return
		}
		slices.SortFunc(all, func(a, b submit.Record) int { return cmp.Compare(a.Revision, b.Revision) })
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// holds returns why p may not write j now, or nothing: the record must say that
// it is being sent by whoever sends it.
func (p *process) holds(j *submitted) (holder, why string) {
	p.mu.Lock()
	holder = p.holder
	p.mu.Unlock()
	r, err := p.s.store.Get(context.Background(), submit.KindJob, j.key)
	if err != nil {
		return holder, "there is no record of it"
	}
	switch state, is := saidBy(r); {
	case is != holder:
		return holder, "another process holds it"
	case state != "sending":
		return holder, "its record says " + state
	}
	return holder, ""
}

// saidBy returns the state and the holder that the record of a job names.
func saidBy(r submit.Record) (state, holder string) {
	var rec struct{ State, Holder string }
	_ = json.Unmarshal(r.Value, &rec)
	return rec.State, rec.Holder
}

// endOf returns what the record of a job says of its end.
func endOf(r submit.Record) (end struct {
	Cause     string
	Forgotten bool
},
) {
	var rec struct {
		End *struct {
			Cause     string
			Forgotten bool
		}
	}
	if _ = json.Unmarshal(r.Value, &rec); rec.End != nil {
		end.Cause, end.Forgotten = rec.End.Cause, rec.End.Forgotten
	}
	return end
}

func holderOf(r submit.Record) string {
	_, holder := saidBy(r)
	return holder
}
