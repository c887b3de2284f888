//go:build unix

package ci

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Descriptor returns what a descriptor of the process that was handed to it
// writes to.
func Descriptor(n int) (io.WriteCloser, error) {
	var stat unix.Stat_t
	if n < 3 {
		return nil, fmt.Errorf("%d is stdin, stdout or stderr: want a descriptor from 3 on, such as 3 with 3>events.ndjson", n)
	}
	if err := unix.Fstat(n, &stat); err != nil {
		return nil, fmt.Errorf("%d is no descriptor that is open", n)
	}
	// What this program opened for itself is closed where another is started, and
	// what was handed to it cannot be, or it would not be here.
	flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0)
	switch mode := stat.Mode & unix.S_IFMT; {
	case err != nil || flags&unix.FD_CLOEXEC != 0:
		return nil, fmt.Errorf("%d is no descriptor that is open", n)
	case mode != unix.S_IFREG && mode != unix.S_IFIFO && mode != unix.S_IFSOCK && mode != unix.S_IFCHR:
		return nil, fmt.Errorf("%d is no descriptor that events can be written to", n)
	}
	unix.CloseOnExec(n) // what is started has no part in it
	return os.NewFile(uintptr(n), fmt.Sprintf("descriptor %d", n)), nil
}
