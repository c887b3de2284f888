//go:build !unix

package proxy_test

// sayInterrupts is for the tests of terminals and signals, of which there are none here.
func sayInterrupts() {}
