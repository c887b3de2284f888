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
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFCHR:
	default: // one that this program opened for itself
		return nil, fmt.Errorf("%d is no descriptor that is open", n)
	}
	unix.CloseOnExec(n) // what is started has no part in it
	return os.NewFile(uintptr(n), fmt.Sprintf("descriptor %d", n)), nil
}
