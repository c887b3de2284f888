package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/files"
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
func save(path string, learned *readback.Learned) error {
	data, err := json.Marshal(learned)
	if err != nil {
		return err
	}
	return files.Replace(path, append(data, '\n'), 0o600)
}
