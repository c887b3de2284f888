//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
)

var errNoDisk = errors.New("a small disk needs Linux")

func onSmallDisk(context.Context, []string, io.Writer, io.Writer) error { return errNoDisk }
func mountDisk(string) (func() error, error)                            { return nil, errNoDisk }
func fillDisk(string) (func() error, error)                             { return nil, errNoDisk }
