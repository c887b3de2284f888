package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// door is a way into the tables.
type door = func(context.Context, consistency.Policy, flow) (result, error)

// doors are all of them: in one go, in pieces, and in another process.
var doors = map[string]door{
	"Do":             consistency.Do[ref, *item],
	"Send and Visit": visits,
	"Resume": resuming(func(ctx context.Context, p consistency.Policy, f flow, h consistency.Pending) (result, error) {
		return consistency.Resume(ctx, p, f, h)
	}),
	"Resume by Visit": resuming(func(ctx context.Context, p consistency.Policy, f flow, h consistency.Pending) (result, error) {
		return visitAll(ctx, p, f, h, new(consistency.Course))
	}),
}

// resuming leaves a flow before its first read, and goes on with its handle.
func resuming(goOn func(context.Context, consistency.Policy, flow, consistency.Pending) (result, error)) door {
	return func(ctx context.Context, p consistency.Policy, f flow) (result, error) {
		errLeft := consistency.As(refused, errors.New("the process was ended"))
		left := false
		first, before := f, p
		first.Started = func(ctx context.Context, h consistency.Pending) error {
			left = true
			if f.Started != nil {
				return f.Started(ctx, h)
			}
			return nil
		}
		first.Read = func(ctx context.Context, w ref) (*item, error) {
			if left {
				return nil, errLeft
			}
			return f.Read(ctx, w)
		}
		if f.Find != nil {
			first.Find = func(ctx context.Context) ([]ref, error) {
				if left {
					return nil, errLeft
				}
				return f.Find(ctx)
			}
		}
		if f.Monitor != nil {
			first.Monitor = func(context.Context, *ref) (bool, error) { return false, errLeft }
		}
		before.Observer = func(e consistency.Event) {
			if !left && p.Observer != nil {
				p.Observer(e)
			}
		}
		res, err := consistency.Do(ctx, before, first)
		if !left {
			return res, err
		}
		data, err := json.Marshal(res.Pending)
		if err != nil {
			return res, err
		}
		var h consistency.Pending
		if err := json.Unmarshal(data, &h); err != nil {
			return res, err
		}
		f.Write = nil
		return goOn(ctx, p, f, h)
	}
}

func throughDoors(t *testing.T, name string, run func(t *testing.T, d door)) {
	t.Helper()
	for title, d := range doors {
		bubble(t, name+"/"+title, func(t *testing.T) { run(t, d) })
	}
}

// No door judges a write's answer differently.
func TestDoors_writeTable(t *testing.T) {
	t.Parallel()
	statuses := []int{
		200, 201, 202, 204, 226, 299, 301, 302, 303, 307, 308, 404, 410, 400, 401, 402, 405, 406, 411, 413, 414, 415, 416, 417,
		422, 426, 428, 431, 451, 501, 403, 409, 412, 429, 408, 425, 500, 502, 503, 504, 520, 529, 100, 300, 304, 407, 499, 600, 999,
	}
	for _, goal := range goals {
		throughDoors(t, goal.String(), func(t *testing.T, d door) {
			for _, find := range []bool{true, false} {
				for _, hidden := range []bool{false, true} {
					for _, status := range statuses {
						w := world{goal: goal, write: said{status: status}, hidden: hidden, find: find, script: []said{showing(goal)}, door: d}
						w.follow(t)
					}
					for _, how := range []silence{untold, afterwards} {
						w := world{goal: goal, write: said{how: how}, hidden: hidden, find: find, script: []said{showing(goal)}, door: d}
						w.follow(t)
					}
				}
				w := world{goal: goal, write: said{how: unsent}, find: find, script: []said{showing(goal)}, door: d}
				w.follow(t)
			}
		})
	}
}

// No door judges a read's answer differently.
func TestDoors_readTable(t *testing.T) {
	t.Parallel()
	var rows []said
	for _, status := range []int{
		200, 202, 204, 299, 300, 304, 399, 400, 401, 403, 404, 408, 409, 410, 412, 422, 425, 429, 499, 500, 503, 599, 100, 999,
	} {
		rows = append(rows, said{status: status, inValue: status < 300})
	}
	for _, holds := range []content{nothing, empty, aFault} {
		rows = append(rows, said{status: 200, holds: holds})
	}
	for _, body := range append(roleBodies, otherBodies...) {
		rows = append(rows, said{status: 403, body: body})
	}
	rows = append(rows, said{status: 200, stale: true}, said{status: 403, after: 2 * time.Second}, said{how: afterwards}, said{status: 412, behind: true}, said{status: 404, behind: true}, said{status: 503, after: 5 * time.Second})
	for _, goal := range goals {
		for _, write := range []int{201, 202, 503, 409} {
			throughDoors(t, fmt.Sprint(goal, " after ", write), func(t *testing.T, d door) {
				for _, row := range rows {
					w := world{goal: goal, settle: 2, write: said{status: write}, find: true, door: d,
						script: []said{row, showing(goal), row, showing(goal)}}
					w.follow(t)
					w = world{goal: goal, write: said{status: write}, find: true, door: d, script: []said{row, row, row, row, showing(goal)}}
					w.follow(t)
				}
			})
		}
	}
}

// No door judges a monitor's answer differently.
func TestDoors_monitorTable(t *testing.T) {
	t.Parallel()
	operation := reply{err: fmt.Errorf("%w: failed", consistency.ErrOperation)}
	tests := []struct {
		name      string
		write     int
		monitored []reply
		reads     []reply
		before    bool // a try that may have been carried out
		want      consistency.Outcome
		wantLooks []time.Duration
		wantReads []time.Duration
	}{
		{"done", 202, answers(200), answers(404, 200), false, confirmed, seconds(0), seconds(0, 1)},
		{"goes on", 202, answers(202, 202, 200), answers(200), false, confirmed, seconds(0, 1, 2), seconds(2)},
		{"goes on, by a status", 202, []reply{{status: 202, asError: true}, {status: 202, asError: true}, {status: 200}}, answers(200), false, confirmed, seconds(0, 1, 2), seconds(2)},
		{"after any 2xx", 201, answers(202, 200), answers(200), false, confirmed, seconds(0, 1), seconds(1)},
		{"failed", 202, []reply{{status: 202}, operation}, nil, false, failed, seconds(0, 1), nil},
		{"failed, after doubt", 202, []reply{{status: 202}, operation}, nil, true, unconfirmed, seconds(0, 1), nil},
		{"410", 202, answers(202, 410), answers(200), false, confirmed, seconds(0, 1), seconds(1)},
		{"404 twice", 202, answers(202, 404, 404), answers(200), false, confirmed, seconds(0, 1, 2), seconds(2)},
		{"404 once", 202, answers(202, 404, 200), answers(200), false, confirmed, seconds(0, 1, 2), seconds(2)},
		{"404 at first", 202, answers(404, 404, 404, 200), answers(200), false, confirmed, seconds(0, 1, 2, 3), seconds(3)},
		{"404 for good", 202, answers(404), answers(200), false, confirmed, seconds(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), seconds(10)},
		{"unavailable", 202, answers(503, 0, 429, 200), answers(200), false, confirmed, seconds(0, 1, 2, 3), seconds(3)},
		{"forbidden", 202, answers(403, 200), answers(403, 200), false, confirmed, seconds(0, 1), seconds(1, 2)},
		{"refused", 202, answers(401), nil, false, unconfirmed, seconds(0), nil},
		{"a missing role", 202, []reply{{status: 403, body: roleMissing}}, nil, false, unconfirmed, seconds(0), nil},
		{"of an ambiguous write none is followed", 503, answers(200), answers(200), false, confirmed, nil, seconds(0)},
	}
	for _, tt := range tests {
		throughDoors(t, tt.name, func(t *testing.T, d door) {
			s := &service{writes: answers(tt.write), monitored: tt.monitored, reads: tt.reads, found: [][]string{{"w1"}}}
			f := s.to(consistency.ToPresent)
			if tt.before {
				write := f.Write
				f.Write = func(ctx context.Context) (ref, error) {
					consistency.CountTry(ctx)
					consistency.CountTry(ctx)
					return write(ctx)
				}
			}
			res, err := d(t.Context(), s.policy(), f)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.want, consistency.OutcomeOf(err))
			assert.Equal(t, tt.wantLooks, s.monitorAt)
			assert.Equal(t, tt.wantReads, s.readAt)
			assert.Len(t, s.writeAt, 1)
			assert.Equal(t, tt.name == "failed" || tt.before, errors.Is(err, consistency.ErrOperation))
			require.Equal(t, "w1", res.Written.ID)
		})
	}
}
