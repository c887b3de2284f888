//go:build !unix

package proxy

import "os"

// passedOn are the signals that a child gets.
var passedOn = []os.Signal{os.Interrupt}

// fromTerminal reports whether a signal seems to come from the keyboard: then
// the child has it already.
func fromTerminal(os.Signal) bool { return true }
