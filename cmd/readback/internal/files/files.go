// Package files writes files whole: after a crash there is the old one, or the new one.
package files

import (
	"errors"
	"os"
	"path/filepath"
)

// Beside writes data to a temporary file in the folder of name, which only its owner may
// read, and returns its name. If there is an error, there is no file.
func Beside(name string, data []byte) (temporary string, err error) {
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
		return "", err
	}
	return f.Name(), nil
}

// Replace puts a file with that mode in the place of name.
func Replace(name string, data []byte, mode os.FileMode) error {
	temporary, err := Beside(name, data)
	if err != nil {
		return err
	}
	if mode != 0o600 { // not every file system can change it
		err = os.Chmod(temporary, mode)
	}
	if err == nil {
		err = os.Rename(temporary, name)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return err
	}
	Sync(filepath.Dir(name))
	return nil
}

// Sync makes the names in a folder last, where the system can do that.
func Sync(folder string) {
	if d, err := os.Open(folder); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
