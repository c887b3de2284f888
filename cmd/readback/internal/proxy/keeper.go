package proxy

import (
	"time"

	"github.com/readback-go/readback"
)

// keeper saves what was learned now and then, and in the end.
type keeper struct {
	path    string
	learned *readback.Learned
	ending  chan struct{}
	ended   chan struct{}
}

// between is the time between two savings: what a crash may cost.
const between = time.Minute

// keep begins to keep in the file what was learned. It saves at once, so that a
// place that cannot be written is known early. An empty path keeps nothing.
func keep(path string, learned *readback.Learned) (*keeper, error) {
	if path == "" {
		return nil, nil
	}
	if err := save(path, learned); err != nil {
		return nil, err
	}
	k := &keeper{path: path, learned: learned, ending: make(chan struct{}), ended: make(chan struct{})}
	go k.run()
	return k, nil
}

func (k *keeper) run() {
	defer close(k.ended)
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = save(k.path, k.learned) // the last one tells
		case <-k.ending:
			return
		}
	}
}

// close saves for the last time.
func (k *keeper) close() error {
	if k == nil {
		return nil
	}
	close(k.ending)
	<-k.ended
	return save(k.path, k.learned)
}
