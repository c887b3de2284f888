package proxy

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// lock lets nobody new knock at a listener, without turning away who is there:
// from now on it does not see what comes in. Clients try again a second later,
// and are refused then.
func lock(l syscall.Conn) {
	raw, err := l.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
		_ = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
	})
}

// waits reports whether somebody knocked at a listener and was not let in yet.
func waits(l syscall.Conn) bool {
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
