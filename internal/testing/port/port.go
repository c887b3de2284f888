// Package port finds free ports of loopback for the servers of tests.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Free returns a port on which nobody listens. It is outside of the range that systems use
// for port 0, so that no other program gets it before a server does, or while that is down.
func Free() (int, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.N(9_000))); err == nil {
			port := l.Addr().(*net.TCPAddr).Port
			return port, l.Close()
		}
	}
	return 0, err
}
