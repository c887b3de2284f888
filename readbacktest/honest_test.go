package readbacktest_test

import (
	"testing"

	"github.com/readback-go/readback/readbacktest"
)

// The zero script is an honest store.
func TestScript_honest(t *testing.T) {
	t.Parallel()
	alpha := map[string]string{"/workspaces/a": `{"name":"alpha","plan":{"seats":3,"paid":true}}`}
	for _, s := range []story{
		{name: "create", lines: `
			0s POST /workspaces {"name":"alpha"} = 201 Location:/workspaces/1 Etag:"1" Content-Type:application/json {"id":"1","name":"alpha"}
			0s GET /workspaces/1 = 200 Etag:"1" Content-Type:application/json {"id":"1","name":"alpha"}
			0s POST /workspaces {"name":"beta"} = 201 Location:/workspaces/2
			0s POST /workspaces = 201 Location:/workspaces/3 {"id":"3"}
			0s GET /workspaces = 200 [{"id":"1","name":"alpha"},{"id":"2","name":"beta"},{"id":"3"}]
			0s GET /workspaces/ = 200 [{"id":"1","name":"alpha"},{"id":"2","name":"beta"},{"id":"3"}]
			0s HEAD /workspaces/1 = 200 Etag:"1" Content-Length:25`},
		{name: "create below", lines: `
			0s POST /v1/workspaces {"name":"alpha"} = 201 Location:/v1/workspaces/1
			0s POST /v1/workspaces/1/members {"user":"bob"} = 201 Location:/v1/workspaces/1/members/2
			0s GET /v1/workspaces/1/members = 200 [{"id":"2","user":"bob"}]
			0s GET /v1/workspaces/1 = 200 {"id":"1","name":"alpha"}
			0s GET /v1 = 404`},
		{name: "create with an id", lines: `
			0s POST /workspaces {"id":"a/b"} = 201 Location:/workspaces/a%2Fb
			0s GET /workspaces/a%2Fb = 200 {"id":"a/b"}
			0s GET /workspaces/a/b = 404
			0s POST /workspaces {"id":"a/b"} = 409
			0s POST /workspaces {"id":7} = 201 Location:/workspaces/7 {"id":7}
			0s POST /workspaces {"id":".."} = 400
			0s DELETE /workspaces/7 = 204
			0s POST /workspaces {"id":7} = 201 Etag:"3"`},
		{name: "put", lines: `
			0s PUT /workspaces/7 {"name":"alpha"} = 201 Location:/workspaces/7 Etag:"1" {"id":"7","name":"alpha"}
			0s PUT /workspaces/7 {"plan":"pro"} = 200 Location: Etag:"2" {"id":"7","plan":"pro"}
			0s GET /workspaces/7 = 200 Etag:"2" {"id":"7","plan":"pro"}
			0s GET /workspaces = 200 [{"id":"7","plan":"pro"}]`},
		{name: "patch", script: readbacktest.Script{Existing: alpha}, lines: `
			0s GET /workspaces/a = 200 Etag:"1" {"id":"a","name":"alpha","plan":{"paid":true,"seats":3}}
			0s PATCH /workspaces/a {"plan":{"seats":5,"paid":null},"tags":["x"]} = 200 Etag:"2" {"id":"a","name":"alpha","plan":{"seats":5},"tags":["x"]}
			0s PATCH /workspaces/b {"name":"beta"} = 404
			0s PATCH /workspaces/a Content-Type:application/json-patch+json {"name":"beta"} = 415
			0s GET /workspaces/a = 200 Etag:"2" {"id":"a","name":"alpha","plan":{"seats":5},"tags":["x"]}`},
		{name: "delete", script: readbacktest.Script{Existing: alpha}, lines: `
			0s DELETE /workspaces/a = 204 Etag: Location:
			0s GET /workspaces/a = 404 {"message":"Not Found","status":404}
			0s GET /workspaces = 200 []
			0s DELETE /workspaces/a = 404
			0s PATCH /workspaces/a {"name":"beta"} = 404
			0s PUT /workspaces/a {"name":"beta"} = 201 Etag:"3" {"id":"a","name":"beta"}`},
		{name: "conditions", script: readbacktest.Script{Existing: alpha}, lines: `
			0s GET /workspaces/a If-None-Match:"1" = 304 Etag:"1"
			0s GET /workspaces/a If-None-Match:"7",W/"1" = 304
			0s GET /workspaces/a If-None-Match:* = 304
			0s GET /workspaces/a If-None-Match:"2" = 200
			0s PATCH /workspaces/a If-Match:"2" {"name":"beta"} = 412
			0s PATCH /workspaces/a If-Match:"1" {"name":"beta"} = 200 Etag:"2"
			0s DELETE /workspaces/a If-Match:"1" = 412
			0s PUT /workspaces/a If-None-Match:* {"name":"gamma"} = 412
			0s PUT /workspaces/b If-None-Match:* {"name":"gamma"} = 201
			0s PUT /workspaces/c If-Match:* {"name":"gamma"} = 412`},
		{name: "queries", script: readbacktest.Script{Existing: map[string]string{
			"/w/1": `{"name":"alpha","n":1.50,"on":true}`, "/w/2": `{"name":"beta","on":false,"n":{}}`,
		}}, lines: `
			0s GET /w?name=beta = 200 [{"id":"2","n":{},"name":"beta","on":false}]
			0s GET /w?on=true&n=1.50 = 200 [{"id":"1","n":1.50,"name":"alpha","on":true}]
			0s GET /w?name=gamma = 200 []
			0s GET /w?n={} = 200 []
			0s GET /w?other= = 200 []`},
		{name: "nonsense", lines: `
			0s GET /workspaces = 404
			0s GET / = 404
			0s POST /workspaces {"name": = 400
			0s POST /workspaces {"name":1}{} = 400
			0s GET /workspaces = 200 []
			0s OPTIONS /workspaces = 405 Allow:GET,HEAD,POST,PUT,PATCH,DELETE`},
		{name: "a name that repeats", script: readbacktest.Script{Unique: "name"}, lines: `
			0s POST /workspaces {"name":"alpha"} = 201
			0s POST /workspaces {"name":"alpha","plan":"pro"} = 409 {"message":"Conflict","status":409}
			0s POST /workspaces {"plan":"pro"} = 201
			0s POST /workspaces {"plan":"pro"} = 201
			0s POST /projects {"name":"alpha"} = 201
			0s DELETE /workspaces/1 = 204
			0s POST /workspaces {"name":"alpha"} = 201`},
	} {
		s.tell(t)
	}
}
