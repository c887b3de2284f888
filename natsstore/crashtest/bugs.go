package main

import (
	"fmt"
	"runtime"
)

// bugs are where a program that has bugs goes wrong.
var bugs = [...]string{"a flow", "before a write", "after a write", "a read", "a search"}

// bugOf returns where the job with a key meets a bug; "" is nowhere.
func bugOf(key string) string {
	var n int
	if _, err := fmt.Sscanf(key, "job %d", &n); err != nil || n%4 != 3 {
		return ""
	}
	return bugs[n/4%len(bugs)]
}

// bug panics if the program has a bug at that place which the job meets; reads end their
// goroutine instead.
func (c client) bug(key, place string) {
	if !c.buggy || bugOf(key) != place {
		return
	}
	if place == "a read" {
		runtime.Goexit()
	}
	panic("a bug in " + place)
}

// setAside is what a worker says of a job that met a bug.
const setAside = "a job was set aside"
