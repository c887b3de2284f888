// Command release prepares a release of all modules for users, and proves that it can be used.
//
//	go run ./internal/tools/release prepare -version v0.1.0
//	go run ./internal/tools/release prove
//	go run ./internal/tools/release binaries -version v0.1.0 -out DIRECTORY
//	go run ./internal/tools/release notice > NOTICE
//
// Prepare changes go.mod and go.sum in a clean clone, and prints the tags to set, in the order
// in which to push them. Prove does the same in a temporary clone of the last commit, and uses
// the modules as a new user would. Binaries writes an archive for each platform, and
// checksums.txt; the same commit and Go give the same bytes. Notice prints the licences of everything
// that the binaries contain.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = "usage: release prepare -version VERSION | prove | binaries -version VERSION -out DIRECTORY [-platform OS/ARCH] | notice"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	version := flags.String("version", "", "the version to prepare")
	out := flags.String("out", "", "the folder for binaries")
	platform := flags.String("platform", "", "the only platform to build for, such as linux/amd64")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New(usage)
	}
	top, err := git(".", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	root := string(top[:len(top)-1])
	switch args[0] {
	case "prepare":
		if err := untagged(root, *version); err != nil {
			return err
		}
		modules, err := prepare(root, *version)
		for _, m := range modules {
			fmt.Println(m.tag(m.version))
		}
		return err
	case "prove":
		if *version != "" {
			return errors.New("prove takes no -version: it chooses one itself")
		}
		return prove(ctx, root)
	case "binaries":
		if *out == "" {
			return errors.New("binaries needs -out")
		}
		return binaries(ctx, root, *version, *out, *platform)
	case "notice":
		text, err := notice(ctx, root)
		fmt.Print(text)
		return err
	}
	return errors.New(usage)
}
