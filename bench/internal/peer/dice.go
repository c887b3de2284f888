package peer

import (
	mathrand "math/rand"
	"math/rand/v2"
	"sync"

	smithyrand "github.com/aws/smithy-go/rand"
)

// dice is the source for pollers that have none of their own.
var dice struct {
	sync.Mutex
	ours *rand.Rand
}

// Throw seeds the sources that pollers share, and locks them until release is called. To seed
// the source of math/rand, the program must be built with GODEBUG randseednop=0.
func Throw(seed uint64) (release func()) {
	dice.Lock()
	//lint:ignore SA1019 There is no other way to the source that these peers draw from.
	mathrand.Seed(int64(seed))
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	smithyrand.Reader = rand.NewChaCha8(key)
	dice.ours = rand.New(rand.NewPCG(seed, 0))
	return dice.Unlock
}
