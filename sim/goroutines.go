package main

import (
	"bytes"
	"regexp"
	"runtime"
	"testing/synctest"
)

// header matches the first line of a goroutine's stack: its number, and its bubble.
var header = regexp.MustCompile(`^goroutine (\d+) \[[^]]*(synctest bubble \d+)[],]`)

// lookout returns a function that returns the stacks of the goroutines of its
// caller's bubble, but the caller's own, when all that can run has run: each
// goroutine once. Those of other bubbles, and of the runtime, come and go
// meanwhile.
func lookout() func() []string {
	seen := make(map[string]bool)
	return func() (stacks []string) {
		synctest.Wait()
		all := bytes.Split(stackOfAll(), []byte("\n\n")) // the caller's comes first
		own := header.FindSubmatch(all[0])
		if own == nil {
			panic("sim: not in a bubble: " + string(all[0]))
		}
		for _, stack := range all[1:] {
			its := header.FindSubmatch(stack)
			if its == nil || !bytes.Equal(its[2], own[2]) || seen[string(its[1])] {
				continue
			}
			seen[string(its[1])] = true
			stacks = append(stacks, string(stack))
		}
		return stacks
	}
}

func stackOfAll() []byte {
	for buf := make([]byte, 1<<16); ; buf = make([]byte, 2*len(buf)) {
		if n := runtime.Stack(buf, true); n < len(buf) {
			return buf[:n]
		}
	}
}
