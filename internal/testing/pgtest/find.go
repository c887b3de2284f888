package pgtest

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
)

// ErrMissing is returned by [Start] if no PostgreSQL server is installed. It says what to
// install.
var ErrMissing = errors.New("pgtest: PostgreSQL is needed here: apt-get install -y postgresql")

// debian is where Debian and similar systems put the programs of each version, outside of the
// search path.
const debian = "/usr/lib/postgresql"

// programs returns the folder with the programs.
func programs() (string, error) { return programsIn(debian) }

// programsIn returns the folder of the newest version in folders as Debian has them,
// or the one in the search path.
func programsIn(folders string) (string, error) {
	found, err := filepath.Glob(filepath.Join(folders, "*", "bin", "initdb"))
	if err != nil {
		return "", err
	}
	best, folder := 0, ""
	for _, initdb := range found {
		bin := filepath.Dir(initdb)
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin))); err == nil && n > best {
			best, folder = n, bin
		}
	}
	if folder != "" {
		return folder, nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", ErrMissing
	}
	return filepath.Dir(initdb), nil
}

// Program returns the path of one of PostgreSQL's programs, such as pgbench, or
// [ErrMissing].
func Program(name string) (string, error) {
	bin, err := programs()
	if err != nil {
		return "", err
	}
	return filepath.Join(bin, name), nil
}
