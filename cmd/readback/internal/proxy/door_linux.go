package proxy

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ignoreNew makes the kernel drop the packets of new clients of a listener.
// Connections that are established already stay. A client that is ignored tries
// again a second later; by then the listener is closed, and it is refused.
func ignoreNew(l syscall.Conn) {
	raw, err := l.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
		_ = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
	})
}

// connectionWaits reports whether a connection waits to be accepted.
func connectionWaits(l syscall.Conn) bool {
	raw, err := l.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	_ = raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	})
	return n > 0
}
