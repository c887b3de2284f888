//go:build unix

package flow

import (
	"os/exec"
	"syscall"
)

// ownGroup makes cmd the head of a group of processes, all of which are killed
// when its context ends.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
