//go:build !linux

package proxy

import "syscall"

// lock does nothing here: who knocks in the moment that the listener is closed is
// turned away.
func lock(syscall.Conn) {}

// waits cannot tell.
func waits(syscall.Conn) bool { return false }
