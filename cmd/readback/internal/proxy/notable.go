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

// notableIn returns what the headers of a request or an answer have of them.
func notableIn(h http.Header) (has notable) {
	for name := range h {
		has |= notableOf(name)
	}
	return has
}

// notableOf is a switch since a map took longer for each request.
func notableOf(name string) notable {
	switch name {
	case Header:
		return asksHold
	case "Upgrade":
		return upgrades
	case "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto":
		return forwarded
	case "Origin", "Referer", "Destination":
		return addresses
	case "Link", "Location", "Content-Location", "Operation-Location", "Azure-Asyncoperation":
		return points
	case "Set-Cookie":
		return setsCookie
	case "Content-Type":
		return typed
	case "Date":
		return dated
	}
	return 0
}

func (n notable) any(of notable) bool { return n&of != 0 }
