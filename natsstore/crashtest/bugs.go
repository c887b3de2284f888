package main

import (
	"fmt"
	"runtime"
)

// bugs are the places at which a program with bugs panics.
var bugs = [...]string{"a flow", "before a write", "after a write", "a read", "a search"}

// bugOf returns the place at which the job with a key meets a bug; "" if nowhere.
func bugOf(key string) string {
	var n int
	if _, err := fmt.Sscanf(key, "job %d", &n); err != nil || n%4 != 3 {
		return ""
	}
	return bugs[n/4%len(bugs)]
}

// bug panics if the program has bugs and the job meets one at that place. In a read, it ends
// the goroutine instead.
func (c client) bug(key, place string) {
	if !c.buggy || bugOf(key) != place {
		return
	}
	if place == "a read" {
		runtime.Goexit()
	}
	panic("a bug in " + place)
}

// setAside is in the warning of a worker about a job that met a bug.
const setAside = "a job was set aside"
