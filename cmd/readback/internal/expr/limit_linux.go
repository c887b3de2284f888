//go:build linux && !race

package expr

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// limit bounds the memory that this process may take from now on, and leaves no
// dump of it. What the runtime has reserved by now, most of which it never
// touches, is not counted.
//
// The bound on addresses is the one that holds: some kernels do not count what is
// mapped over a reservation against RLIMIT_DATA.
func limit(bytes uint64) error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return err
	}
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		return err
	}
	most := pages*uint64(os.Getpagesize()) + bytes
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: most, Max: most}); err != nil {
		return err
	}
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes})
}
