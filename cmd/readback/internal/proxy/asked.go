package proxy

import (
	"errors"
	"strings"
	"time"

	"github.com/readback-go/readback/readbackhttp"
)

// Header is the header by which the proxy and its clients speak. In a request it
// is "off", for the first answer as it comes, or "within=5s", for how long after
// the write this read may be held. In an answer it says how a read was held,
//
//	X-Readback: confirmed; reads=3; elapsed=0.412
//
// with the seconds from the first answer of the upstream to the one handed on;
// and of a write that was not answered it says whether it was not sent or may
// have been carried out, as "not-executed" or "ambiguous".
const Header = "X-Readback"

var errAsked = errors.New(`the request header ` + Header + ` is neither "off" nor "within=5s" or the like`)

// asked returns what a client asks for.
func asked(values []string) (readbackhttp.Hold, error) {
	switch {
	case len(values) == 0:
		return readbackhttp.Hold{}, nil
	case len(values) > 1:
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
