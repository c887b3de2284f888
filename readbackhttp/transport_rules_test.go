package readbackhttp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Lag by another status than 404 is a rule, also one that asks for bodies, of
// good answers too.
func TestTransport_readRules(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Policy.Rules.Read = []consistency.ReadRule{
		{From: 400, Body: consistency.JSON("/code", "InvalidInstanceID.NotFound"), Verdict: poll.Pending, Reason: consistency.NotFound},
		{From: 200, Body: consistency.JSON("/state", "creating"), Verdict: poll.Pending, Reason: consistency.Stale},
		{From: 409, Method: "GET", Verdict: poll.Pending, Reason: consistency.NotFound},
	}
	tests := []struct {
		name    string
		answers []string
		want    string
		at      time.Duration
	}{
		{"a 400 that a rule calls lag", []string{`400 | {"code":"InvalidInstanceID.NotFound"}`, "404", "200 | new"}, "200 new", 2 * time.Second},
		{"another 400", []string{`400 | {"code":"Bad"}`, "200 | new"}, `400 {"code":"Bad"}`, 0},
		{"a good status", []string{`200 | {"state":"creating"}`, `200 | {"state":"ready"}`}, `200 {"state":"ready"}`, time.Second},
		{"a 409", []string{"409", "200 | new"}, "200 new", time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": tt.answers, "GET /b": tt.answers}.handler())
			client := s.over(options)
			answered(t, "204", client, "PUT", api+"/a")
			answered(t, tt.want, client, "GET", api+"/a")
			assert.Equal(t, tt.at, time.Since(s.start))
			got, err := ask(t.Context(), client, "GET", api+"/b") // which was not written
			require.NoError(t, err)
			assert.Equal(t, tt.answers[0], strings.Replace(got, " ", " | ", 1))
		})
	}
}

// What a write proves may stand in its body.
func TestTransport_writeRulesSeeBodies(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		options := slowly
		options.Policy.Rules.Write = []consistency.WriteRule{{From: 200, Body: consistency.JSON("/ok", false), Class: consistency.Refused}}
		s := serve(t, script{
			"PUT /a": {`200 | {"ok":false}`, `200 | {"ok":true}`}, "GET /a": {"404 | none", "404", "200 | there"},
		}.handler())
		client := s.over(options)
		answered(t, `200 {"ok":false}`, client, "PUT", api+"/a")
		answered(t, "404 none", client, "GET", api+"/a")
		answered(t, `200 {"ok":true}`, client, "PUT", api+"/a")
		answered(t, "200 there", client, "GET", api+"/a")
	})
}
