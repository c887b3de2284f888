//go:build !linux || race

package expr

import (
	"os"
	"runtime/metrics"
	"time"
)

// limit ends the process soon after it has grown over the bound: here no system
// call holds it. The race detector maps more than any bound for itself.
func limit(bytes uint64) error {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	go func() {
		for range time.Tick(time.Millisecond) {
			if metrics.Read(sample); sample[0].Value.Uint64() > bytes {
				os.Exit(1)
			}
		}
	}()
	return nil
}
