package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// onSmallDisk runs this program again in a process with its own mounts, so that it can mount
// a small disk.
func onSmallDisk(ctx context.Context, args []string, out, errs io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	again := exec.CommandContext(ctx, self, args...)
	again.Env = append(os.Environ(), workerEnv+"=1", diskEnv+"=1")
	again.Stdout, again.Stderr = out, errs
	again.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		again.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	return again.Run()
}

// mountDisk mounts a disk of 64 MiB at a folder.
func mountDisk(dir string) (unmount func() error, err error) {
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64m"); err != nil {
		return nil, fmt.Errorf("a small disk: %w", err)
	}
	return func() error { return syscall.Unmount(dir, 0) }, nil
}

// fillDisk fills a disk with one file, and returns a function that removes it.
func fillDisk(dir string) (free func() error, err error) {
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for size := len(block); size > 0; {
		if _, err := f.Write(block[:size]); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			return nil, err
		}
	}
	return func() error { return os.Remove(path) }, nil
}
