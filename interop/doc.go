// Package interop has tests only: clients of vendors that know nothing of
// readback work unchanged over a readbackhttp.Transport, and read what they
// wrote.
//
// Time is real here, and so are the sockets: what a client does with its
// connections is part of what is shown.
package interop
