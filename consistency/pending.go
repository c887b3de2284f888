package consistency

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Pending is the handle of a write that is not confirmed yet: all that [Resume]
// needs to go on later, in this process or another. It is stored as JSON. Its
// zero value is no handle.
type Pending struct {
	name      string
	written   json.RawMessage // nil if the reference must still be found
	goal      Goal
	class     Class
	doubtful  bool // some try may have been carried out besides the one answered
	monitored bool // the operation has ended well
}

// Name returns the name of the flow.
func (h Pending) Name() string { return h.name }

// IsZero reports whether h is no handle.
func (h Pending) IsZero() bool { return h.goal == 0 }

// handleVersion grows when an older reader would misunderstand a handle.
const handleVersion = 1

type handleJSON struct {
	Version   int             `json:"readback"`
	Name      string          `json:"name"`
	Goal      string          `json:"goal"`
	Class     string          `json:"class"`
	Written   json.RawMessage `json:"written,omitempty"`
	Doubtful  bool            `json:"doubtful,omitempty"`
	Monitored bool            `json:"monitored,omitempty"`
}

// MarshalJSON returns the handle as a JSON object, or null for none.
func (h Pending) MarshalJSON() ([]byte, error) {
	if h.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(handleJSON{
		Version: handleVersion, Name: h.name,
		Goal: h.goal.String(), Class: h.class.String(),
		Written: h.written, Doubtful: h.doubtful, Monitored: h.monitored,
	})
}

// UnmarshalJSON reads what MarshalJSON made. A handle that is truncated, was
// changed, or was made by a newer version is an error, and leaves h as it was.
func (h *Pending) UnmarshalJSON(data []byte) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil
	}
	var stored handleJSON
	if err := json.Unmarshal(data, &stored); err != nil {
		return fmt.Errorf("consistency: not a handle: %w", err)
	}
	got := Pending{name: stored.Name, written: stored.Written, doubtful: stored.Doubtful, monitored: stored.Monitored}
	switch {
	case stored.Version > handleVersion:
		return fmt.Errorf("consistency: the handle is of version %d, newer than %d", stored.Version, handleVersion)
	case stored.Version != handleVersion:
		return fmt.Errorf("consistency: not a handle: version %d", stored.Version)
	}
	for _, goal := range [...]Goal{ToPresent, ToMatch, ToAbsent} {
		if stored.Goal == goal.String() {
			got.goal = goal
		}
	}
	for _, class := range [...]Class{Applied, Accepted, Ambiguous} {
		if stored.Class == class.String() {
			got.class = class
		}
	}
	switch {
	case got.goal == 0:
		return fmt.Errorf("consistency: the handle has an unknown goal %q", stored.Goal)
	case got.class == 0:
		return fmt.Errorf("consistency: the handle has an unknown class %q", stored.Class)
	}
	*h = got
	return nil
}
