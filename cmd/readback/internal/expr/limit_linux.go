package expr

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// limit bounds the memory that this process may write to, and leaves no dump of
// it.
func limit(bytes uint64) error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return err
	}
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes})
}

// ownGroup keeps Ctrl-C from the child: it ends with its parent, killed or not.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
