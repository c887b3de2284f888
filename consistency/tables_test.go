package consistency_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
)

var good = said{status: 200}

// showing is the answer that shows what a goal asks for.
func showing(goal consistency.Goal) said {
	if goal == consistency.ToAbsent {
		return said{status: 404}
	}
	return good
}

// Every status means to a write what the table says, by itself and in a flow.
func TestTables_write(t *testing.T) {
	t.Parallel()
	for _, goal := range goals {
		t.Run(goal.String(), func(t *testing.T) {
			t.Parallel()
			methods := []string{"", "POST", "PUT", "PATCH"}
			if goal == consistency.ToAbsent {
				methods = []string{"", "DELETE", "POST"}
			}
			synctest.Test(t, func(t *testing.T) {
				for status := 100; status <= 999; status++ {
					for _, method := range methods {
						assert.Equal(t, provesByTable(goal, status, notLost),
							consistency.Rules{}.ClassOf(goal, consistency.Answer{Method: method, Status: status}), "%s: %d", method, status)
					}
					for _, inValue := range []bool{false, true} {
						for _, hidden := range []bool{false, true} {
							w := world{goal: goal, write: said{status: status, inValue: inValue}, hidden: hidden, find: true, script: []said{showing(goal)}}
							w.follow(t)
						}
					}
				}
			})
		})
	}
}

// So does a write without an answer.
func TestTables_writeLost(t *testing.T) {
	t.Parallel()
	for _, goal := range goals {
		for _, how := range []silence{untold, unsent, afterwards} {
			for _, find := range []bool{false, true} {
				for _, hidden := range []bool{false, true} {
					if hidden && how != afterwards {
						continue // what was never sent was not sent twice
					}
					bubble(t, fmt.Sprintf("%v/%d/find=%v/hidden=%v", goal, how, find, hidden), func(t *testing.T) {
						w := world{goal: goal, write: said{how: how}, hidden: hidden, find: find, script: []said{showing(goal)}}
						w.follow(t)
					})
				}
			}
		}
	}
}

// Every status means to a read what the table says, after a write of each class.
func TestTables_read(t *testing.T) {
	t.Parallel()
	for _, goal := range goals {
		for _, write := range []int{201, 202, 503, 409} {
			bubble(t, fmt.Sprintf("%v/%d", goal, write), func(t *testing.T) {
				follow := func(script ...said) {
					w := world{goal: goal, write: said{status: write}, find: true, script: append(script, showing(goal))}
					w.follow(t)
				}
				for status := 100; status <= 999; status++ {
					if status < 200 || status > 299 {
						follow(said{status: status})
					}
					follow(said{status: status, inValue: true})
					follow(said{status: status, inValue: true, stale: true})
				}
				for _, body := range append(roleBodies, otherBodies...) {
					follow(said{status: 403, body: body})
					follow(said{status: 403, body: body, after: 3 * time.Second})
				}
				for _, status := range []int{200, 201, 206, 299} {
					for _, holds := range []content{nothing, empty, aFault} {
						follow(said{status: status, holds: holds})
						follow(said{status: status, holds: holds}, said{status: 503}, said{status: status, holds: aFault})
					}
				}
				follow(said{how: afterwards})
				for _, status := range []int{404, 409, 412, 504} {
					follow(said{status: status, behind: true})
				}
			})
		}
	}
}
