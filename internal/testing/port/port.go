// Package port finds free ports of loopback for the servers of tests.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Listen listens on a free port. It is outside of the range that systems use for port 0, so
// that no other program gets it while the listener is closed for a time.
func Listen() (net.Listener, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.N(9_000))); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// Free returns a port as that of Listen on which nobody listens, for another program. One
// that tests start at the same time may get it first.
func Free() (int, error) {
	l, err := Listen()
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
