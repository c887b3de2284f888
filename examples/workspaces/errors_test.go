package workspaces_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

// The bodies are those of the contract, in its own layout; only white space may
// differ.
func TestService_errorBodies(t *testing.T) {
	t.Parallel()
	const (
		unauthorized = `{
    "status": 401,
    "message": "Unauthorized"
}`
		forbiddenInstance = `{
    "status": 403,
    "message": "Forbidden"
}`
		forbiddenType = `{
    "code": 403,
    "message": "Forbidden"
}`
		notFound = `{
    "status": 404,
    "message": "Not found"
}`
		conflict = `{
    "status": 409,
    "message": "Conflict"
}`
	)
	tests := []struct {
		name       string
		key        string
		method     string
		path       string
		body       string
		fault      string
		wantStatus int
		wantBody   string
	}{
		{"missing property", "alice-key", "POST", "/v1/workspaces", `{"reference":"r"}`, "", 400, `{
    "status": 400,
    "instancePath": "",
    "schemaPath": "#/required",
    "keyword": "required",
    "params": {
        "missingProperty": "workspaceName"
    },
    "message": "must have required property 'workspaceName'"
}`},
		{"wrong enum property", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":"a","status":"BURNING"}`, "", 400, `{
    "status": 400,
    "instancePath": "/status",
    "schemaPath": "schemas/_Shared/Observability/alert_status.json/enum",
    "keyword": "enum",
    "params": {
        "allowedValues": [
            "FIRING",
            "RESOLVED"
        ]
    },
    "message": "must be equal to one of the allowed values"
}`},
		{"disallowed additional property", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":"a","myAdditionalProperty":1,"another":2}`, "", 400, `{
    "status": 400,
    "instancePath": "",
    "schemaPath": "#/additionalProperties",
    "keyword": "additionalProperties",
    "params": {
        "additionalProperty": "myAdditionalProperty"
    },
    "message": "must NOT have additional properties"
}`},
		{"wrong type", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":7}`, "", 400,
			`{"status":400,"instancePath":"/workspaceName","schemaPath":"#/properties/workspaceName/type","keyword":"type","params":{"type":"string"},"message":"must be string"}`},
		{"null", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":null}`, "", 400,
			`{"status":400,"instancePath":"/workspaceName","schemaPath":"#/properties/workspaceName/type","keyword":"type","params":{"type":"string"},"message":"must be string"}`},
		{"no object", "alice-key", "POST", "/v1/workspaces", `[]`, "", 400,
			`{"status":400,"instancePath":"","schemaPath":"#/type","keyword":"type","params":{"type":"object"},"message":"must be object"}`},
		{"empty name", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":""}`, "", 400,
			`{"status":400,"instancePath":"/workspaceName","schemaPath":"#/properties/workspaceName/minLength","keyword":"minLength","params":{"limit":1},"message":"must NOT have fewer than 1 characters"}`},
		{"long name", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":"` + strings.Repeat("é", 201) + `"}`, "", 400,
			`{"status":400,"instancePath":"/workspaceName","schemaPath":"#/properties/workspaceName/maxLength","keyword":"maxLength","params":{"limit":200},"message":"must NOT have more than 200 characters"}`},
		{"no JSON", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":`, "", 400, `{"status":400,"message":"Bad Request"}`},
		{"no body", "alice-key", "POST", "/v1/workspaces", ``, "", 400, `{"status":400,"message":"Bad Request"}`},
		{"huge body", "alice-key", "POST", "/v1/workspaces", strings.Repeat(" ", 1<<17), "", 413, `{"status":413,"message":"Request Entity Too Large"}`},
		{"unknown key", "mallory-key", "GET", "/v1/auth/me", "", "", 401, unauthorized},
		{"no key", "", "POST", "/v1/workspaces", `{}`, "", 401, unauthorized},
		{"role lacks the permission", "reader-key", "POST", "/v1/workspaces", `{"workspaceName":"a"}`, "", 403, forbiddenType},
		{"not a member yet, read", "alice-key", "GET", "{taken}", "", "", 403, forbiddenInstance},
		{"not a member, command", "bob-key", "DELETE", "{taken}", "", "", 403, forbiddenInstance},
		{"unknown workspace, read", "alice-key", "GET", "/v1/workspaces/none", "", "", 404, notFound},
		{"unknown workspace, command", "alice-key", "PATCH", "/v1/workspaces/none", `{}`, "", 404, notFound},
		{"unknown operation", "alice-key", "GET", "/v1/operations/none", "", "", 404, notFound},
		{"unknown path", "alice-key", "GET", "/v1/nothing", "", "", 404, notFound},
		{"unknown method", "alice-key", "PUT", "/v1/workspaces", "", "", 404, notFound},
		{"duplicate name", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":"taken"}`, "", 409, conflict},
		{"unavailable", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":"a"}`, "503 never", 503, `{
    "status": 503,
    "message": "Service Unavailable"
}`},
		{"gateway timeout", "alice-key", "POST", "/v1/workspaces", `{"workspaceName":"a"}`, "504 never", 504, `{
    "status": 504,
    "message": "Gateway Timeout"
}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, workspaces.Options{
				AllowFaults:    true,
				MembershipsLag: time.Hour,
			}, func(t *testing.T, service *workspaces.Service) {
				taken := alice(t, service).create(`{"workspaceName":"taken"}`)
				synctest.Wait()
				w := user{t, service, tt.key}.do(tt.method, strings.ReplaceAll(tt.path, "{taken}", taken), tt.body,
					"X-Fault", tt.fault)
				var want bytes.Buffer
				require.NoError(t, json.Compact(&want, []byte(tt.wantBody)))
				assert.Equal(t, tt.wantStatus, w.Code)
				assert.Equal(t, want.String(), w.Body.String())
				assert.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
				assert.Equal(t, []workspaces.Kind{workspaces.Created, workspaces.MemberAdded}, kinds(t, service),
					"nothing refused was done")
			})
		})
	}
}

// The role speaks before the body, and the body before the workspace.
func TestService_orderOfRefusals(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		reader := user{t, service, "reader-key"}
		assert.Equal(t, http.StatusForbidden, reader.do("POST", "/v1/workspaces", `broken`).Code)
		assert.Equal(t, http.StatusForbidden, reader.do("DELETE", "/v1/workspaces/none", "").Code)
		assert.Equal(t, http.StatusBadRequest, alice(t, service).do("PATCH", "/v1/workspaces/none", `{"id":"x"}`).Code)
	})
}
