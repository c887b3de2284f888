package readbackhttp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/readbackhttp"
)

// The default name of an exchange has no ids in it, and the flow knows which it is.
func TestExchange_boundedName(t *testing.T) {
	t.Parallel()
	tests := []struct{ method, path, name, instance string }{
		{"POST", "/v1/things", "POST http://api.test/v1/things", "/v1/things"},
		{"POST", "/v1/things?access_token=secret", "POST http://api.test/v1/things", "/v1/things"},
		{"POST", "/v1/things/7/rename", "POST http://api.test/v1/things/{id}/rename", "/v1/things/7/rename"},
		{"PUT", "/v1/things/7", "PUT http://api.test/v1/things/{id}", "/v1/things/7"},
		{"PUT", "/users/alice", "PUT http://api.test/users/{id}", "/users/alice"},
		{"PUT", "/users/alice/", "PUT http://api.test/users/{id}/", "/users/alice/"},
		{"PATCH", "/settings", "PATCH http://api.test/settings", "/settings"},
		{"DELETE", "/apis/apps/v1beta2/namespaces/5f0c/pods/web-0", "DELETE http://api.test/apis/apps/v1beta2/namespaces/{id}/pods/{id}", "/apis/apps/v1beta2/namespaces/5f0c/pods/web-0"},
		{"POST", "/o/a%2Fb/parts", "POST http://api.test/o/{id}/parts", "/o/a%2Fb/parts"},
		{"POST", "/teams/a@b.example/parts", "POST http://api.test/teams/{id}/parts", "/teams/a@b.example/parts"},
		{"POST", "/keys/abcdefghijklmnopqrstuvwxyzabcdefghijklmnop/use", "POST http://api.test/keys/{id}/use", "/keys/abcdefghijklmnopqrstuvwxyzabcdefghijklmnop/use"},
		{"POST", "", "POST http://api.test", ""},
	}
	for _, tt := range tests {
		ex := readbackhttp.Exchange{Write: send(tt.method, api+tt.path, "{}"), Match: readbackhttp.HasJSON("/a", 1)}
		if tt.method == "DELETE" {
			ex.Match = nil
		}
		flow := ex.Flow()
		assert.Equal(t, tt.name, flow.Name)
		assert.Equal(t, tt.instance, flow.Instance)
	}
	flow := readbackhttp.Exchange{Name: "rename", Write: send("POST", api+"/v1/things/7/rename", "{}")}.Flow()
	assert.Equal(t, "rename", flow.Name)
	assert.Equal(t, "/v1/things/7/rename", flow.Instance)
}
