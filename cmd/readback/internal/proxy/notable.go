package proxy

import "net/http"

// notable says which headers there are that the proxy looks at or changes. Most
// requests and answers have few, and one pass tells.
type notable uint8

const (
	asksHold  notable = 1 << iota // it says how it is to be held
	upgrades                      // to another protocol
	forwarded                     // by somebody before
	addresses                     // it names the client's idea of the origin
	points                        // it says where clients are to go
	setsCookie
	typed // it says what its content is
	dated
)

var notables = func() map[string]notable {
	of := map[string]notable{
		Header: asksHold, "Upgrade": upgrades, "Link": points,
		"Set-Cookie": setsCookie, "Content-Type": typed, "Date": dated,
	}
	for _, name := range forwarding {
		of[name] = forwarded
	}
	for _, name := range addressing {
		of[name] = addresses
	}
	for _, name := range pointing {
		of[name] = points
	}
	return of
}()

// notableIn returns what the headers of a request or an answer have of them.
func notableIn(h http.Header) (has notable) {
	for name := range h {
		has |= notables[name]
	}
	return has
}

func (n notable) any(of notable) bool { return n&of != 0 }
