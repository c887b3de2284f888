// Package testhelper shows the test kit in the tests of a program of your own.
//
// The program is a client of an API whose reads lag behind its writes: client.go
// has the client, as one would write or generate it, and workspaces.go the writes
// that the program confirms. Neither knows that it is tested.
//
// The tests, in workspaces_test.go, run it against a server that lags, refuses,
// loses answers and executes late as each test says, and hold three things
// against each other: what the program says of a write, what the server saw, and
// what it executed. They run in bubbles of [testing/synctest], where hours of lag
// take no time; one of them, in socket_test.go, uses a real socket.
package testhelper
