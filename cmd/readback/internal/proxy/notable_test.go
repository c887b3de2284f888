package proxy

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What the lists of headers name is noticed.
func TestNotableOf(t *testing.T) {
	t.Parallel()
	for is, names := range map[notable][]string{
		forwarded: forwarding[:], addresses: addressing[:], points: append(pointing[:], "Link"),
		asksHold: {Header}, upgrades: {"Upgrade"}, setsCookie: {"Set-Cookie"}, typed: {"Content-Type"}, dated: {"Date"},
		0: {"", "Accept", "Linked", "X-Forwarded"},
	} {
		for _, name := range names {
			assert.Equal(t, is, notableOf(name), name)
		}
	}
}
