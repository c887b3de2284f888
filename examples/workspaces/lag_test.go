package workspaces_test

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

const tick = time.Nanosecond // the last moment before an event shows

func TestService_create_404then403then200(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{
		WorkspacesLag:  300 * time.Millisecond,
		MembershipsLag: 800 * time.Millisecond,
	}, func(t *testing.T, service *workspaces.Service) {
		path := alice(t, service).create(`{"workspaceName":"alpha","reference":"job-1"}`)

		assert.Equal(t, http.StatusNotFound, alice(t, service).status(path))
		time.Sleep(300*time.Millisecond - tick)
		assert.Equal(t, http.StatusNotFound, alice(t, service).status(path))
		time.Sleep(tick)
		assert.Equal(t, http.StatusForbidden, alice(t, service).status(path))
		time.Sleep(500*time.Millisecond - tick)
		assert.Equal(t, http.StatusForbidden, alice(t, service).status(path))
		assert.Empty(t, alice(t, service).list(""), "a list shows what a GET shows")
		time.Sleep(tick)
		assert.Equal(t, http.StatusOK, alice(t, service).status(path))
		assert.Equal(t, []string{"alpha"}, alice(t, service).list("?reference=job-1"))
		assert.Equal(t, http.StatusForbidden, bob(t, service).status(path), "and to others it stays forbidden")
	})
}

func TestService_create_noForbiddenWhenMembershipsAreFaster(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{WorkspacesLag: time.Second}, func(t *testing.T, service *workspaces.Service) {
		path := alice(t, service).create(`{"workspaceName":"alpha"}`)
		time.Sleep(time.Second - tick)
		assert.Equal(t, http.StatusNotFound, alice(t, service).status(path))
		time.Sleep(tick)
		assert.Equal(t, http.StatusOK, alice(t, service).status(path))
	})
}

func TestService_change_staleUntilProjected(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{WorkspacesLag: time.Second}, func(t *testing.T, service *workspaces.Service) {
		path := alice(t, service).create(`{"workspaceName":"alpha","reference":"r"}`)
		time.Sleep(time.Second)
		w := alice(t, service).do(http.MethodPatch, path, `{"workspaceName":"beta"}`)
		require.Equal(t, http.StatusOK, w.Code)
		answered := decode[workspaces.Workspace](t, w)
		assert.Equal(t, "beta", answered.Name)
		assert.Equal(t, 2, answered.Version)

		read := func() workspaces.Workspace {
			synctest.Wait()
			return decode[workspaces.Workspace](t, alice(t, service).get(path))
		}
		time.Sleep(time.Second - tick)
		assert.Equal(t, "alpha", read().Name)
		assert.Equal(t, 1, read().Version)
		time.Sleep(tick)
		assert.Equal(t, answered, read())
	})
}

func TestService_delete_stillThereUntilProjected(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		memberships time.Duration
		wantBetween int // after the shorter of both lags
	}{
		{"workspaces first", 3 * time.Second, http.StatusNotFound},
		{"memberships first", time.Second, http.StatusForbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, workspaces.Options{
				WorkspacesLag:  2 * time.Second,
				MembershipsLag: tt.memberships,
			}, func(t *testing.T, service *workspaces.Service) {
				path := alice(t, service).create(`{"workspaceName":"alpha"}`)
				time.Sleep(time.Minute)
				w := alice(t, service).do(http.MethodDelete, path, "")
				require.Equal(t, http.StatusNoContent, w.Code)
				assert.Empty(t, w.Body.String())
				assert.Equal(t, http.StatusNotFound, alice(t, service).do(http.MethodDelete, path, "").Code,
					"the command side knows at once")

				shorter := min(tt.memberships, 2*time.Second)
				time.Sleep(shorter - tick)
				assert.Equal(t, http.StatusOK, alice(t, service).status(path))
				time.Sleep(tick)
				assert.Equal(t, tt.wantBetween, alice(t, service).status(path))
				time.Sleep(2*time.Second - shorter)
				assert.Equal(t, http.StatusNotFound, alice(t, service).status(path))
			})
		})
	}
}

func TestService_replicasFlip(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{
		WorkspacesLag:  time.Second,
		MembershipsLag: 4 * time.Second,
		Replicas:       3,
		ReplicaSpread:  10 * time.Second,
	}, func(t *testing.T, service *workspaces.Service) {
		path := alice(t, service).create(`{"workspaceName":"alpha"}`)
		start := time.Now()
		for _, want := range []struct {
			after    time.Duration
			statuses [3]int
		}{
			{0, [3]int{404, 404, 404}},
			{1 * time.Second, [3]int{403, 404, 404}},
			{4 * time.Second, [3]int{200, 404, 404}},
			{11 * time.Second, [3]int{200, 403, 404}},
			{14 * time.Second, [3]int{200, 200, 404}},
			{21 * time.Second, [3]int{200, 200, 403}},
			{24 * time.Second, [3]int{200, 200, 200}},
		} {
			time.Sleep(time.Until(start.Add(want.after)))
			synctest.Wait()
			for i, status := range want.statuses {
				w := alice(t, service).get(path)
				assert.Equal(t, status, w.Code, "replica %d after %v", i, want.after)
				assert.Equal(t, strconv.Itoa(i), w.Header().Get("X-Replica"))
			}
		}
	})
}

func TestService_jitterIsBoundedAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{
		WorkspacesLag: time.Second,
		Jitter:        time.Second,
	}, func(t *testing.T, service *workspaces.Service) {
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			alice(t, service).create(`{"workspaceName":"` + name + `"}`)
		}
		time.Sleep(time.Second - tick)
		assert.Empty(t, alice(t, service).list(""))
		seen := 0
		for range 100 {
			time.Sleep(10 * time.Millisecond)
			names := alice(t, service).list("")
			require.GreaterOrEqual(t, len(names), seen)
			require.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g", "h"}[:len(names)], names)
			seen = len(names)
		}
		time.Sleep(tick)
		assert.Len(t, alice(t, service).list(""), 8)
	})
}
