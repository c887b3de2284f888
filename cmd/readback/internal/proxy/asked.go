package proxy

import (
	"errors"
	"strings"
	"time"

	"github.com/readback-go/readback/readbackhttp"
)

// Header is the header in which a client tells the proxy how to hold a read, and the
// proxy tells how it was held. In a request it is "off" (hand on the first answer)
// or "within=5s" (hold this read for at most so long after the write). In an answer
// it is the outcome of a hold,
//
//	X-Readback: confirmed; reads=3; elapsed=0.412
//
// where elapsed is the time in seconds from the upstream's first answer to the one
// that the client gets. On the proxy's own answer to a write that the upstream did
// not answer it is "not-executed" (it was not sent) or "ambiguous" (it may have been
// carried out).
const Header = "X-Readback"

var errAsked = errors.New(`the request header ` + Header + ` must be "off" or "within=" with a duration above 0, such as "within=5s"`)

// asked returns how a client wants a read to be held, by the values of Header.
func asked(values []string) (readbackhttp.Hold, error) {
	switch {
	case len(values) != 1:
		return readbackhttp.Hold{}, errAsked
	case strings.EqualFold(values[0], "off"):
		return readbackhttp.Hold{Off: true}, nil
	}
	name, text, _ := strings.Cut(values[0], "=")
	within, err := time.ParseDuration(text)
	if !strings.EqualFold(name, "within") || err != nil || within <= 0 {
		return readbackhttp.Hold{}, errAsked
	}
	return readbackhttp.Hold{Within: within}, nil
}
