package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// pack makes the archive that a module proxy would serve, from the files that git tracks, and
// computes its sums.
func (r *released) pack(root string) error {
	names, err := git(r.wholePath, "ls-files", "-z")
	if err != nil {
		return err
	}
	var files []modzip.File
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		files = append(files, file{name, filepath.Join(r.wholePath, filepath.FromSlash(name))})
	}
	// As the go command does for a module below the root of a repository.
	licensed := slices.ContainsFunc(files, func(f modzip.File) bool { return f.Path() == "LICENSE" })
	if !licensed {
		files = append(files, file{"LICENSE", filepath.Join(root, "LICENSE")})
	}
	var archive bytes.Buffer
	version := module.Version{Path: r.path(), Version: r.version}
	if err := modzip.Create(&archive, version, files); err != nil {
		return err
	}
	r.zip = archive.Bytes()
	if r.sum, err = zipSum(r.zip); err != nil {
		return err
	}
	r.goModSum, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(r.mod)), nil
	})
	return err
}

func zipSum(archive []byte) (string, error) {
	temporary, err := os.CreateTemp("", "*.zip")
	if err != nil {
		return "", err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(archive); err != nil {
		return "", err
	}
	if err := temporary.Close(); err != nil {
		return "", err
	}
	return dirhash.HashZip(temporary.Name(), dirhash.Hash1)
}

// file is a file of a module.
type file struct{ name, place string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (os.FileInfo, error)  { return os.Lstat(f.place) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.place) }

// writeProxy writes modules into a folder, in the layout of a module proxy.
func writeProxy(folder string, modules []released) error {
	for _, m := range modules {
		escaped, err := module.EscapePath(m.path())
		if err != nil {
			return err
		}
		place := filepath.Join(folder, filepath.FromSlash(escaped), "@v")
		if err := os.MkdirAll(place, 0o777); err != nil {
			return err
		}
		info, err := json.Marshal(struct {
			Version string
			Time    time.Time
		}{m.version, time.Unix(0, 0).UTC()})
		if err != nil {
			return err
		}
		for name, text := range map[string][]byte{
			"list":              []byte(m.version + "\n"),
			m.version + ".info": info,
			m.version + ".mod":  m.mod,
			m.version + ".zip":  m.zip,
		} {
			if err := os.WriteFile(filepath.Join(place, name), text, 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}
