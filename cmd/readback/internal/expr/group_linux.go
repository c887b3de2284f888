package expr

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps Ctrl-C from the child: it ends with its parent, killed or not.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
