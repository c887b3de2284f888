package readbackhttp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Each write tells what it covers, or why it covers nothing, and no secret.
func TestTransport_told(t *testing.T) {
	t.Parallel()
	tests := []struct {
		write string
		note  string
		class consistency.Class
	}{
		{`POST /things 201 | {"id":7}`, "covers /things/7 and below", consistency.Applied},
		{`POST /things 201 | Location: /things/7?sig=s3cret`, "covers /things/7 and below", consistency.Applied},
		{`POST /things 201 | {}`, "covers nothing: no Location, no link and no id found", consistency.Applied},
		{`POST /things 422 | {}`, "covers nothing: it was refused", consistency.Refused},
		{`POST /things 503`, "covers nothing: its answer was lost or proves nothing, and what it made is not known", consistency.Ambiguous},
		{`POST /things 303 | Location: /`, "covers nothing: it was redirected to what it did not make", consistency.Accepted},
		{`POST /things 307`, "covers nothing: it was not carried out", consistency.NotExecuted},
		{`PUT /things/7 204`, "covers /things/7", consistency.Applied},
		{`PUT /things/7 201`, "covers /things/7 and below", consistency.Applied},
		{`DELETE /things/7 204`, "forgets /things/7 and below", consistency.Applied},
		{`MKCOL /things/7 201`, "covers nothing: of its method nothing is known", consistency.Applied},
	}
	for _, tt := range tests {
		bubble(t, tt.write, func(t *testing.T) {
			var events []consistency.Event
			var told []readbackhttp.Coverage
			options := slowly
			options.Policy.Observer = func(e consistency.Event) { events = append(events, e) }
			options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
			method, rest, _ := strings.Cut(tt.write, " ")
			path, text, _ := strings.Cut(rest, " ")
			client := serve(t, answersThenLags(text)).over(options)
			_, err := ask(t.Context(), client, method, api+path+"?api_key=s3cret")
			require.NoError(t, err)
			require.Len(t, events, 1)
			assert.Equal(t, consistency.PhaseWrite, events[0].Phase)
			assert.Equal(t, path, events[0].Instance)
			assert.NotContains(t, events[0].Flow, "7")
			assert.Equal(t, tt.note, events[0].Note)
			assert.Equal(t, tt.class, events[0].Class)
			require.Len(t, told, 1)
			assert.Equal(t, strings.HasPrefix(tt.note, "covers nothing"), told[0].Why != "")
			assert.Equal(t, told[0].Why == "", len(told[0].Covers) > 0)
			assert.NotContains(t, fmt.Sprint(told[0], events[0]), "s3cret")
		})
	}
}
