package proxy

import (
	"time"

	"github.com/readback-go/readback"
)

// keeper saves what was learned every minute, and at the end.
type keeper struct {
	path    string
	learned *readback.Learned
	ending  chan struct{}
	ended   chan struct{}
}

// saveInterval is the time between two saves: a crash loses at most what was learned
// in it.
const saveInterval = time.Minute

// keep starts a keeper of the file. It saves at once, so that an error of the file
// is returned early. An empty path returns nil, which keeps nothing.
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
	tick := time.NewTicker(saveInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = save(k.path, k.learned) // an error that lasts is returned by close
		case <-k.ending:
			return
		}
	}
}

// close saves for the last time. It may be called on nil.
func (k *keeper) close() error {
	if k == nil {
		return nil
	}
	close(k.ending)
	<-k.ended
	return save(k.path, k.learned)
}
