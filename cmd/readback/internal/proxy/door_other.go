//go:build !linux

package proxy

import "syscall"

// ignoreNew does nothing here: a client that connects in the moment in which the
// listener is closed is refused.
func ignoreNew(syscall.Conn) {}

// connectionWaits is false: it is not known here.
func connectionWaits(syscall.Conn) bool { return false }
