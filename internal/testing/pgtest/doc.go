// Package pgtest starts private PostgreSQL clusters for tests, examples and measurements, from
// the programs that are installed on the machine.
//
//	primary, err := pgtest.Start(pgtest.Options{})
//	if err != nil {
//		return err // it says what to install
//	}
//	defer primary.Close()
//	standby, err := primary.Standby(pgtest.Options{})
//
// Each cluster has a temporary folder of its own, and listens only on a free port of the
// loopback interface. This package needs no driver: it sends its own statements by psql. If the
// caller is root, the servers run as the user nobody, since PostgreSQL refuses root.
//
// A [Proxy] between a client and a server can lose, delay or cut the answer to a COMMIT, or to
// any other message that a test selects.
package pgtest
