package handle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/readback-go/readback/cmd/readback/internal/files"
)

// File is a file that holds the handle of one write, and nothing else. It is
// changed and removed only as long as it is the file that it was.
type File struct {
	Name string
	info os.FileInfo
}

// ErrTaken is in the error of Create where there is something of that name.
var ErrTaken = errors.New("it is there already")

// Create makes a file that only its owner may read, whole or not at all. Of two
// who create one of the same name, one gets [ErrTaken].
func Create(name string, h Handle) (*File, error) {
	data, err := h.indented()
	if err != nil {
		return nil, err
	}
	temporary, err := files.Beside(name, data)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(temporary) }()
	err = os.Link(temporary, name)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil, ErrTaken
	case err != nil: // a file system without links
		if err = createPlain(name, data); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	files.Sync(filepath.Dir(name))
	return &File{Name: name, info: info}, nil
}

func createPlain(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return ErrTaken
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (h Handle) indented() ([]byte, error) {
	data, err := json.MarshalIndent(h, "", "  ")
	return append(data, '\n'), err
}

// same reports whether the file is still what it was.
func (f *File) same() error {
	now, err := os.Stat(f.Name)
	if err != nil {
		return err
	}
	// Numbers of files are used again: what was changed is another file, too.
	if !os.SameFile(f.info, now) || now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime()) {
		return fmt.Errorf("%s is another file now", f.Name)
	}
	return nil
}

// Save writes the handle anew. A crash leaves the file as it was, or whole.
func (f *File) Save(h Handle) error {
	switch err := f.same(); {
	case errors.Is(err, os.ErrNotExist):
		made, err := Create(f.Name, h)
		if err == nil {
			*f = *made
		}
		return err
	case err != nil:
		return err
	}
	data, err := h.indented()
	if err != nil {
		return err
	}
	if err := files.Replace(f.Name, data, 0o600); err != nil {
		return err
	}
	f.info, err = os.Stat(f.Name)
	return err
}

// Remove removes the file, if it is still what it was.
func (f *File) Remove() error {
	if err := f.same(); err != nil {
		return err
	}
	return os.Remove(f.Name)
}

// Own reports whether the file can be nobody's but this user's: a run made it,
// and nobody else may write or read it.
func (f *File) Own() bool {
	return f != nil && f.info.Mode().IsRegular() && f.info.Mode().Perm()&0o077 == 0 && ownedByUser(f.info)
}
