package submit

import (
	"bytes"
	"encoding/json"

	"github.com/readback-go/readback/consistency"
)

// fit returns a handle that an older program may have made as one of the flow that its
// job has today: the flow may have another name since, and its references another type.
// A reference that does not fit is to be found again, as is that of a flow which now
// does something else: of that write only the intent is known.
func fit[W, R any](h consistency.Pending, flow consistency.Flow[W, R]) consistency.Pending {
	lost := flow.Lost()
	was, is := members{}, members{}
	if data, err := json.Marshal(h); err != nil || json.Unmarshal(data, &was) != nil {
		return h
	}
	if data, err := json.Marshal(lost); err != nil || json.Unmarshal(data, &is) != nil {
		return h
	}
	if !bytes.Equal(was["goal"], is["goal"]) {
		return lost.WithTrace(h.Trace())
	}
	var w W
	reference, there := was["written"]
	unfit := there && json.Unmarshal(reference, &w) != nil
	if !unfit && h.Name() == flow.Name {
		return h
	}
	if was["name"] = is["name"]; unfit {
		delete(was, "written")
	}
	var fits consistency.Pending
	if data, err := json.Marshal(was); err != nil || json.Unmarshal(data, &fits) != nil {
		return h
	}
	return fits
}
