//go:build linux && !race

package expr

import "golang.org/x/sys/unix"

// limit bounds the memory that this process may write to, and leaves no dump of
// it.
func limit(bytes uint64) error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return err
	}
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes})
}
