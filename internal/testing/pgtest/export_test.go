package pgtest

import (
	"fmt"
	"os/exec"
)

// Psql runs statements one by one through the proxy.
func (p *Proxy) Psql(statements ...string) error {
	psql, err := Program("psql")
	if err != nil {
		return err
	}
	args := []string{"--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", p.DSN()}
	for _, s := range statements {
		args = append(args, "--command", s)
	}
	if out, err := exec.Command(psql, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
