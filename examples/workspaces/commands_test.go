package workspaces_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

func TestService_create_answer(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		w := alice(t, service).do("POST", "/v1/workspaces",
			`{"workspaceName":"alpha","displayName":"Alpha","reference":"job-1","status":"FIRING"}`)
		require.Equal(t, http.StatusCreated, w.Code)
		made := decode[workspaces.Workspace](t, w)
		assert.Equal(t, "/v1/workspaces/"+made.ID, w.Header().Get("Location"))
		assert.Equal(t, workspaces.Workspace{
			ID: made.ID, Name: "alpha", DisplayName: "Alpha", Reference: "job-1", Status: "FIRING",
			Owner: "alice", Version: 1,
		}, made)

		synctest.Wait()
		assert.Equal(t, made, decode[workspaces.Workspace](t, alice(t, service).get(w.Header().Get("Location"))))
	})
}

func TestService_whoAmI(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		assert.JSONEq(t, `{"user":"alice","role":"editor"}`, alice(t, service).get("/v1/auth/me").Body.String())
		reader := user{t, service, "reader-key"}
		assert.JSONEq(t, `{"user":"rita","role":"reader"}`, reader.get("/v1/auth/me").Body.String())
	})
}

func TestService_list(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		synctest.Wait()
		assert.Equal(t, "[]", alice(t, service).get("/v1/workspaces").Body.String())
		var last string
		for _, name := range []string{"zulu", "alpha", "mike"} {
			last = alice(t, service).create(`{"workspaceName":"` + name + `","reference":"of ` + name + `"}`)
		}
		bob(t, service).create(`{"workspaceName":"alpha"}`) // another owner's: no duplicate
		// A change does not move a workspace within the list.
		assert.Equal(t, http.StatusOK, alice(t, service).do("PATCH", last, `{"displayName":"Mike"}`).Code)

		assert.Equal(t, []string{"zulu", "alpha", "mike"}, alice(t, service).list(""))
		assert.Equal(t, []string{"alpha"}, alice(t, service).list("?workspaceName=alpha"))
		assert.Equal(t, []string{"mike"}, alice(t, service).list("?reference=of+mike"))
		assert.Empty(t, alice(t, service).list("?workspaceName=alpha&reference=of+mike"))
		assert.Empty(t, alice(t, service).list("?reference="), "an empty filter asks for an empty reference")
		assert.Equal(t, []string{"alpha"}, bob(t, service).list(""))
	})
}

func TestService_change(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		path := alice(t, service).create(`{"workspaceName":"alpha","displayName":"A"}`)
		alice(t, service).create(`{"workspaceName":"beta"}`)
		patch := func(body string) workspaces.Workspace {
			w := alice(t, service).do("PATCH", path, body)
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			return decode[workspaces.Workspace](t, w)
		}
		assert.Equal(t, 2, patch(`{"displayName":""}`).Version)
		assert.Equal(t, 3, patch(`{"workspaceName":"gamma","status":"RESOLVED"}`).Version)
		before := kinds(t, service)
		assert.Equal(t, 3, patch(`{"workspaceName":"gamma"}`).Version, "nothing changes")
		assert.Equal(t, 3, patch(`{}`).Version)
		assert.Equal(t, http.StatusConflict, alice(t, service).do("PATCH", path, `{"workspaceName":"beta"}`).Code)
		assert.Equal(t, before, kinds(t, service), "and nothing is logged")

		alice(t, service).create(`{"workspaceName":"alpha"}`) // the old name is free again
		assert.Equal(t, http.StatusConflict, alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"gamma"}`).Code)
		synctest.Wait()
		assert.Equal(t, "gamma", decode[workspaces.Workspace](t, alice(t, service).get(path)).Name)
	})
}

func TestService_delete_freesTheName(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		old := alice(t, service).create(`{"workspaceName":"alpha"}`)
		assert.Equal(t, http.StatusNoContent, alice(t, service).do("DELETE", old, "").Code)
		assert.Equal(t, http.StatusNotFound, alice(t, service).do("PATCH", old, `{"displayName":"x"}`).Code)
		assert.Equal(t, http.StatusNotFound, alice(t, service).do("POST", old+"/members", `{"userName":"bob"}`).Code)
		assert.NotEqual(t, old, alice(t, service).create(`{"workspaceName":"alpha"}`))
	})
}

func TestService_members(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{MembershipsLag: time.Second}, func(t *testing.T, service *workspaces.Service) {
		path := alice(t, service).create(`{"workspaceName":"alpha"}`)
		id := strings.TrimPrefix(path, "/v1/workspaces/")
		assert.Equal(t, http.StatusForbidden, bob(t, service).do("POST", path+"/members", `{"userName":"bob"}`).Code)
		assert.Equal(t, http.StatusForbidden, alice(t, service).status(path+"/members"))
		time.Sleep(time.Second)

		w := alice(t, service).do("POST", path+"/members", `{"userName":"bob"}`)
		require.Equal(t, http.StatusCreated, w.Code)
		assert.Equal(t, workspaces.Member{WorkspaceID: id, User: "bob"}, decode[workspaces.Member](t, w))
		assert.Equal(t, http.StatusConflict, alice(t, service).do("POST", path+"/members", `{"userName":"bob"}`).Code)

		member := w.Header().Get("Location")
		assert.Equal(t, path+"/members/bob", member)
		assert.Equal(t, http.StatusNotFound, alice(t, service).status(member))
		assert.Equal(t, http.StatusForbidden, bob(t, service).status(path))
		time.Sleep(time.Second)
		assert.Equal(t, http.StatusOK, alice(t, service).status(member))
		assert.Equal(t, http.StatusOK, bob(t, service).status(path))
		assert.Equal(t, []workspaces.Member{{id, "alice"}, {id, "bob"}},
			decode[[]workspaces.Member](t, bob(t, service).get(path+"/members")))
	})
}

// A name that needs escaping makes a Location that can be followed.
func TestService_members_locationIsEscaped(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		path := alice(t, service).create(`{"workspaceName":"alpha"}`)
		w := alice(t, service).do("POST", path+"/members", `{"userName":"a/b c?d"}`)
		require.Equal(t, http.StatusCreated, w.Code)
		assert.Equal(t, http.StatusOK, alice(t, service).status(w.Header().Get("Location")))
	})
}
