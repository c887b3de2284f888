package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// platforms are the platforms that binaries are built for.
var platforms = []string{
	"darwin/amd64", "darwin/arm64",
	"linux/amd64", "linux/arm64",
	"windows/amd64", "windows/arm64",
}

// binaries writes an archive of the command for each platform into the folder
// out, and checksums.txt.
func binaries(ctx context.Context, root, version, out, only string) error {
	chosen := platforms
	if only != "" {
		if !slices.Contains(platforms, only) {
			return fmt.Errorf("-platform is %q, but must be one of %s", only, strings.Join(platforms, ", "))
		}
		chosen = []string{only}
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	return onBench(ctx, root, version, func(b workbench) error {
		dir, err := b.empty("binaries", b.modules[0].path()+"/cmd/readback@"+version)
		if err != nil {
			return err
		}
		common, err := b.papers(dir)
		if err != nil {
			return err
		}
		var sums strings.Builder
		for _, platform := range chosen {
			system, machine, _ := strings.Cut(platform, "/")
			name := "readback"
			if system == "windows" {
				name += ".exe"
			}
			program, err := b.build(dir, name, "GOOS="+system, "GOARCH="+machine)
			if err != nil {
				return fmt.Errorf("%s: %w", platform, err)
			}
			archive, err := pack(append([]entry{{name, 0o755, program}}, common...))
			if err != nil {
				return err
			}
			name = fmt.Sprintf("readback-%s-%s-%s.tar.gz", version, system, machine)
			if err := os.WriteFile(filepath.Join(out, name), archive, 0o666); err != nil {
				return err
			}
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(archive), name)
		}
		return os.WriteFile(filepath.Join(out, "checksums.txt"), []byte(sums.String()), 0o666)
	})
}

// build builds the command and returns its bytes. They do not depend on paths, the time or a C
// library.
func (b workbench) build(dir, name string, platform ...string) ([]byte, error) {
	place := filepath.Join(b.folder, "built", name)
	b.env = append(append(slices.Clone(b.env), "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0"), platform...)
	if _, err := b.run(dir, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", place,
		b.modules[0].path()+"/cmd/readback"); err != nil {
		return nil, err
	}
	return os.ReadFile(place)
}

// papers returns the other files of each archive: manual pages, completions and licences.
func (b workbench) papers(dir string) ([]entry, error) {
	if _, err := b.build(dir, "here", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH); err != nil {
		return nil, err
	}
	here := filepath.Join(b.folder, "built", "here")
	if _, err := b.run(dir, here, "man", filepath.Join(b.folder, "man")); err != nil {
		return nil, err
	}
	var papers []entry
	pages, err := fs.Glob(os.DirFS(b.folder), "man/*.1") // sorted
	if err != nil {
		return nil, err
	}
	if len(pages) == 0 {
		return nil, fmt.Errorf("the command wrote no manual pages")
	}
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(b.folder, filepath.FromSlash(page)))
		if err != nil {
			return nil, err
		}
		papers = append(papers, entry{page, 0o644, text})
	}
	for _, c := range []struct{ shell, name string }{
		{"bash", "readback.bash"}, {"fish", "readback.fish"}, {"powershell", "readback.ps1"}, {"zsh", "_readback"},
	} {
		text, err := b.run(dir, here, "completion", c.shell)
		if err != nil {
			return nil, err
		}
		papers = append(papers, entry{"completions/" + c.name, 0o644, []byte(text)})
	}
	for _, name := range []string{"LICENSE", "NOTICE"} {
		text, err := os.ReadFile(filepath.Join(b.clone, name))
		if err != nil {
			return nil, err
		}
		papers = append(papers, entry{name, 0o644, text})
	}
	return papers, nil
}

// entry is a file in an archive.
type entry struct {
	name string
	mode int64
	text []byte
}

// pack returns a tar.gz archive that depends only on its entries.
func pack(entries []entry) ([]byte, error) {
	var archive bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&archive, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	packed := tar.NewWriter(zipped)
	for _, e := range entries {
		header := tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.text)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := packed.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := packed.Write(e.text); err != nil {
			return nil, err
		}
	}
	if err := packed.Close(); err != nil {
		return nil, err
	}
	if err := zipped.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
