// Package pgtest starts private PostgreSQL clusters for tests, examples and
// measurements, of the programs that the machine has.
//
//	primary, err := pgtest.Start(pgtest.Options{})
//	if err != nil {
//		return err // it says what to install
//	}
//	defer primary.Close()
//	standby, err := primary.Standby(pgtest.Options{})
//
// Each cluster lies in a temporary folder of its own and listens on a free port
// of the loopback interface alone. It needs no driver: what this package asks a
// cluster itself it asks by psql. As root the servers run as the user nobody,
// since PostgreSQL refuses root.
//
// A [Proxy] stands between a client and a server, understands as much of the
// protocol as it needs, and loses, delays or cuts the answer to a COMMIT or to
// anything else that a test picks.
package pgtest
