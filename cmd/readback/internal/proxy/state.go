package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/readback-go/readback"
)

// load reads what was learned from a file, and leaves it as it is. Without the
// file, or a path, nothing was learned yet.
func load(path string, learned *readback.Learned) error {
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, learned); err != nil {
		return fmt.Errorf("%s is not what this version of readback learned, and stays as it is: %w", path, err)
	}
	return nil
}

// save writes what was learned to the file: whoever reads it, or is left with it
// after a crash, finds the whole of it, old or new.
func save(path string, learned *readback.Learned) (err error) {
	data, err := json.Marshal(learned)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
