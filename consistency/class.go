package consistency

// Class is what the answer to a write proves. Its zero value is invalid.
type Class uint8

const (
	Applied     Class = iota + 1 // carried out: read back
	Accepted                     // will be carried out, or not: follow the monitor, then read back
	NotExecuted                  // never reached the service, or was redirected unexecuted, as by a 307
	Refused                      // answered with a no
	Ambiguous                    // proves neither: it may have been carried out, or may be later
)

// String returns the class in lower case.
func (c Class) String() string {
	switch c {
	case Applied:
		return "applied"
	case Accepted:
		return "accepted"
	case NotExecuted:
		return "not executed"
	case Refused:
		return "refused"
	case Ambiguous:
		return "ambiguous"
	}
	return "invalid class"
}

// refusal reports whether c proves that the write was not carried out.
func (c Class) refusal() bool { return c == Refused || c == NotExecuted }
