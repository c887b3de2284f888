package workspaces

import (
	"encoding/json"
	"net/http"
)

// answer is what a request gets. It can be stored and given again.
type answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   json.RawMessage   `json:"body,omitempty"`
}

// refusal is an answer that says no. It travels as an error.
type refusal struct{ answer }

func (r *refusal) Error() string {
	return "workspaces: refused: " + string(r.Body)
}

// plainBody is the body of most errors, and of the 403 that speaks of one
// instance.
type plainBody struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// codeBody is the body of the 403 that speaks of a type: the role lacks the
// permission, whichever the instance.
type codeBody struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// schemaBody is the body of a 400 that names the rule of the JSON schema which
// the request broke.
type schemaBody struct {
	Status       int    `json:"status"`
	InstancePath string `json:"instancePath"`
	SchemaPath   string `json:"schemaPath"`
	Keyword      string `json:"keyword"`
	Params       any    `json:"params"`
	Message      string `json:"message"`
}

// plain is an answer of status with its plain body.
func plain(status int) answer {
	return answer{Status: status, Body: mustJSON(plainBody{status, message(status)})}
}

// refuse refuses with status and its plain body.
func refuse(status int) error { return &refusal{plain(status)} }

// refuseRole refuses a command that the caller's role does not permit.
func refuseRole() error {
	return &refusal{answer{
		Status: http.StatusForbidden,
		Body:   mustJSON(codeBody{http.StatusForbidden, message(http.StatusForbidden)}),
	}}
}

// refuseSchema refuses a body that breaks a rule of its schema.
func refuseSchema(instancePath, schemaPath, keyword string, params any, message string) error {
	return &refusal{answer{
		Status: http.StatusBadRequest,
		Body: mustJSON(schemaBody{
			Status:       http.StatusBadRequest,
			InstancePath: instancePath,
			SchemaPath:   schemaPath,
			Keyword:      keyword,
			Params:       params,
			Message:      message,
		}),
	}}
}

// message is the contract's text for status.
func message(status int) string {
	if status == http.StatusNotFound {
		return "Not found" // the contract's spelling, not net/http's
	}
	return http.StatusText(status)
}

// mustJSON encodes v, one of our own types, which cannot fail.
func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
