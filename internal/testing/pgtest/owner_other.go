//go:build !linux

package pgtest

import "os/exec"

// owner is the user that owns the files and processes of clusters: here always the user of this
// process.
type owner struct{}

func findOwner() (owner, error)     { return owner{}, nil }
func (owner) give(dir string) error { return nil }
func (owner) run(cmd *exec.Cmd)     {}
