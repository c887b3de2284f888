package consistency_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// sayable are the answers that a fuzzed service may give to a read, by letter.
var sayable = map[byte]said{
	'g': {status: 200},
	's': {status: 200, stale: true},
	'G': {status: 226, inValue: true},
	'a': {status: 202},
	'n': {status: 404},
	'N': {status: 404, inValue: true},
	't': {status: 410},
	'f': {status: 403, body: `{"status":403,"message":"Forbidden"}`},
	'F': {status: 403},
	'r': {status: 403, body: `{"code":403,"message":"Forbidden"}`},
	'b': {status: 412, behind: true},
	'B': {status: 404, behind: true},
	'p': {status: 412},
	'c': {status: 304},
	'm': {status: 302, inValue: true},
	'u': {status: 503},
	'w': {status: 503, after: 7 * time.Second},
	'l': {status: 429, after: time.Hour},
	'e': {status: 425},
	'i': {status: 100},
	'o': {status: 999},
	'x': {how: afterwards},
	'd': {status: 401},
	'j': {status: 422, inValue: true},
	'k': {status: 499},
	'L': {status: 403, after: 2 * time.Second},
	'0': {status: 200, holds: nothing},
	'z': {status: 200, holds: empty},
	'!': {status: 200, holds: aFault},
}

// letters are those of sayable, the common ones more than once.
const letters = "gggssGaannnNttfffFrbBpcmuuwleioxdjkL00zz!!"

// What becomes of a flow is what the two tables say, whatever its write and its
// reads are answered with: a letter of the script is a second of the service, the
// last one for ever. The write's flags are: 1 a status in the value, 2 a Find, 4
// sent twice by the client, 8 lost without a trace, 16 never sent, 32 lost.
func FuzzTables(f *testing.F) {
	f.Fuzz(func(t *testing.T, goal, settle uint8, write uint16, flags uint8, script string) {
		w := world{
			goal:   goals[int(goal)%len(goals)],
			settle: int(settle) % 5,
			write:  said{status: int(write), inValue: flags&1 != 0},
			find:   flags&2 != 0,
			hidden: flags&4 != 0,
		}
		for bit, how := range map[uint8]silence{8: untold, 16: unsent, 32: afterwards} {
			if flags&(8|16|32) == bit {
				w.write = said{how: how}
			}
		}
		for i := range min(len(script), 64) {
			answer, ok := sayable[script[i]]
			if !ok { // any other character is one of them too
				answer = sayable[letters[int(script[i])%len(letters)]]
			}
			w.script = append(w.script, answer)
		}
		if write < 100 || write > 999 || len(w.script) == 0 || w.hidden && w.write.how == unsent {
			return
		}
		synctest.Test(t, func(t *testing.T) { w.follow(t) })
	})
}
