package handle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	temporary, err := write(name, h)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(temporary) }()
	err = os.Link(temporary, name)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil, ErrTaken
	case err != nil: // a file system without links
		if err = createPlain(name, h); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	sync(filepath.Dir(name))
	return &File{Name: name, info: info}, nil
}

func createPlain(name string, h Handle) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return ErrTaken
	}
	if err != nil {
		return err
	}
	data, err := h.indented()
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// sync makes the entries of a folder last, where that can be had.
func sync(folder string) {
	if d, err := os.Open(folder); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

func (h Handle) indented() ([]byte, error) {
	data, err := json.MarshalIndent(h, "", "  ")
	return append(data, '\n'), err
}

// write makes a temporary file beside name, and returns what it is called.
func write(name string, h Handle) (string, error) {
	data, err := h.indented()
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".readback-*") // with mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
	}
	return f.Name(), err
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
	temporary, err := write(f.Name, h)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, f.Name); err != nil {
		_ = os.Remove(temporary)
		return err
	}
	sync(filepath.Dir(f.Name))
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
