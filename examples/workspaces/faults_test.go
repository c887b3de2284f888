package workspaces_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

func TestService_faults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault      string
		wantStatus int
		wantAfter  time.Duration // until it is done; negative: never
	}{
		{"503 never", 503, -1},
		{"504 never", 504, -1},
		{"503 at-once", 503, 0},
		{"504 later", 504, 0},
		{"504 later 300ms", 504, 300 * time.Millisecond},
		{"503 later 1h", 503, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			bubble(t, workspaces.Options{AllowFaults: true}, func(t *testing.T, service *workspaces.Service) {
				w := alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"alpha"}`, "X-Fault", tt.fault)
				assert.Equal(t, tt.wantStatus, w.Code)
				assert.Empty(t, w.Header().Get("Location"))
				if tt.wantAfter < 0 {
					time.Sleep(24 * time.Hour)
					assert.Empty(t, alice(t, service).list(""))
					assert.Empty(t, kinds(t, service))
					return
				}
				if tt.wantAfter > 0 {
					time.Sleep(tt.wantAfter - tick)
					assert.Empty(t, alice(t, service).list(""))
					time.Sleep(tick)
				}
				assert.Equal(t, []string{"alpha"}, alice(t, service).list(""))
				assert.Equal(t, []workspaces.Kind{workspaces.Created, workspaces.MemberAdded}, kinds(t, service))
			})
		})
	}
}

// Every command can meet a fault, and is then executed in the order of the due
// times, not of the requests.
func TestService_faults_ofAllCommands(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{AllowFaults: true}, func(t *testing.T, service *workspaces.Service) {
		path := alice(t, service).create(`{"workspaceName":"alpha"}`)
		for _, c := range [][4]string{
			{"DELETE", path, ``, "504 later 3s"},
			{"PATCH", path, `{"workspaceName":"beta"}`, "503 later 2s"},
			{"POST", path + "/members", `{"userName":"bob"}`, "504 later 1s"},
		} {
			assert.GreaterOrEqual(t, alice(t, service).do(c[0], c[1], c[2], "X-Fault", c[3]).Code, 503)
		}
		assert.Equal(t, []string{"alpha"}, alice(t, service).list(""))
		time.Sleep(time.Second)
		assert.Equal(t, []string{"alpha"}, bob(t, service).list(""))
		time.Sleep(time.Second)
		assert.Equal(t, []string{"beta"}, bob(t, service).list(""))
		time.Sleep(time.Second)
		assert.Equal(t, http.StatusNotFound, alice(t, service).status(path))
	})
}

// What a queued command finds when its time has come decides, not what it would
// have found before.
func TestService_faults_laterCanBeRefused(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{AllowFaults: true}, func(t *testing.T, service *workspaces.Service) {
		alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"alpha","reference":"first"}`, "X-Fault", "504 later 1s")
		alice(t, service).create(`{"workspaceName":"alpha","reference":"second"}`)
		time.Sleep(time.Minute)
		assert.Empty(t, alice(t, service).list("?reference=first"))
		assert.Len(t, kinds(t, service), 2)
	})
}

func TestService_FailNext(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		post := func(body string, header ...string) int {
			return alice(t, service).do("POST", "/v1/workspaces", body, header...).Code
		}
		require.NoError(t, service.FailNext(2, workspaces.Fault{Status: 503, Execute: workspaces.Never}))
		assert.Equal(t, http.StatusBadRequest, post(`{}`), "never reaches the command side")
		assert.Equal(t, http.StatusOK, alice(t, service).get("/v1/workspaces").Code, "nor does a read")
		assert.Equal(t, http.StatusServiceUnavailable, post(`{"workspaceName":"a"}`))
		assert.Equal(t, http.StatusServiceUnavailable, post(`{"workspaceName":"a"}`))
		assert.Equal(t, http.StatusCreated, post(`{"workspaceName":"a"}`))
		assert.Equal(t, http.StatusCreated, post(`{"workspaceName":"b"}`, "X-Fault", "503 never"), "not allowed: ignored")

		require.NoError(t, service.FailNext(9, workspaces.Fault{Status: 504, Execute: workspaces.AtOnce}))
		require.NoError(t, service.FailNext(0, workspaces.Fault{}))
		assert.Equal(t, http.StatusCreated, post(`{"workspaceName":"c"}`))

		require.Error(t, service.FailNext(-1, workspaces.Fault{Status: 503, Execute: workspaces.Never}))
		require.Error(t, service.FailNext(1, workspaces.Fault{}))
	})
}

func TestService_faults_headerLeavesTheCountAlone(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{AllowFaults: true}, func(t *testing.T, service *workspaces.Service) {
		require.NoError(t, service.FailNext(1, workspaces.Fault{Status: 503, Execute: workspaces.Never}))
		post := func(header ...string) int {
			return alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"a"}`, header...).Code
		}
		assert.Equal(t, http.StatusGatewayTimeout, post("X-Fault", "504 never"))
		assert.Equal(t, http.StatusServiceUnavailable, post())
		w := alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"a"}`, "X-Fault", "500 never")
		assert.Equal(t, http.StatusBadRequest, w.Code)
		assert.Contains(t, w.Body.String(), "neither 503 nor 504")
		assert.Equal(t, http.StatusCreated, post())
	})
}

func TestParseFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]workspaces.Fault{
		"503 never":       {Status: 503, Execute: workspaces.Never},
		"504 at-once":     {Status: 504, Execute: workspaces.AtOnce},
		"503 later":       {Status: 503, Execute: workspaces.Later},
		"504 later 300ms": {Status: 504, Execute: workspaces.Later, Delay: 300 * time.Millisecond},
	} {
		got, err := workspaces.ParseFault(text)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.Equal(t, text, got.String())
	}
	for _, text := range []string{
		"", "503", "later 503", "500 never", "504 sometimes", "504 later -1s", "504 later soon",
		"504 never 1s", "504 at-once 1s", "504 later 1s 1s",
	} {
		_, err := workspaces.ParseFault(text)
		assert.Error(t, err, text)
	}
}

func TestService_idempotencyKey(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{AllowFaults: true}, func(t *testing.T, service *workspaces.Service) {
		post := func(body string, header ...string) (int, string, string) {
			w := alice(t, service).do("POST", "/v1/workspaces", body, header...)
			return w.Code, w.Header().Get("Location"), w.Body.String()
		}
		code, location, body := post(`{"workspaceName":"a"}`, "Idempotency-Key", "one")
		require.Equal(t, http.StatusCreated, code)
		code2, location2, body2 := post(`{"workspaceName":"a"}`, "Idempotency-Key", "one")
		assert.Equal(t, http.StatusCreated, code2)
		assert.Equal(t, location, location2)
		assert.Equal(t, body, body2)
		assert.Len(t, kinds(t, service), 2, "created once")

		code, _, _ = post(`{"workspaceName":"b"}`, "Idempotency-Key", "one")
		assert.Equal(t, http.StatusUnprocessableEntity, code, "another body")
		assert.Equal(t, http.StatusCreated,
			bob(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"a"}`, "Idempotency-Key", "one").Code,
			"another user's key")

		// A refusal is kept as well, even when its cause has gone.
		code, _, _ = post(`{"workspaceName":"a"}`, "Idempotency-Key", "two")
		assert.Equal(t, http.StatusConflict, code)
		assert.Equal(t, http.StatusNoContent, alice(t, service).do("DELETE", location, "").Code)
		code, _, _ = post(`{"workspaceName":"a"}`, "Idempotency-Key", "two")
		assert.Equal(t, http.StatusConflict, code)

		code, _, _ = post(`{"workspaceName":"a"}`, "Idempotency-Key", string(make([]byte, 256)))
		assert.Equal(t, http.StatusBadRequest, code)
	})
}

// An answer that was lost can be had by sending the same key again.
func TestService_idempotencyKey_afterFault(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault      string
		wantAtOnce int
		wantEvents int // in the end
	}{
		{"504 never", 201, 2},
		{"504 at-once", 201, 2},
		{"504 later 1s", 409, 2},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			bubble(t, workspaces.Options{AllowFaults: true}, func(t *testing.T, service *workspaces.Service) {
				post := func(header ...string) int {
					return alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"a"}`,
						append(header, "Idempotency-Key", "one")...).Code
				}
				assert.Equal(t, http.StatusGatewayTimeout, post("X-Fault", tt.fault))
				assert.Equal(t, tt.wantAtOnce, post())
				assert.Equal(t, http.StatusGatewayTimeout, post("X-Fault", tt.fault), "again: queued or executed no second time")
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Equal(t, http.StatusCreated, post())
				assert.Len(t, kinds(t, service), tt.wantEvents)
			})
		})
	}
}

func TestService_respondAsync(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{AsyncDelay: time.Second}, func(t *testing.T, service *workspaces.Service) {
		post := func() (string, workspaces.Operation) {
			w := alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"alpha"}`,
				"Prefer", "wait=10, respond-async", "Idempotency-Key", "one")
			require.Equal(t, http.StatusAccepted, w.Code)
			assert.Equal(t, "respond-async", w.Header().Get("Preference-Applied"))
			return w.Header().Get("Location"), decode[workspaces.Operation](t, w)
		}
		monitor, operation := post()
		again, _ := post()
		assert.Equal(t, monitor, again, "the key's answer is the 202, however often")
		status := func() workspaces.Operation {
			synctest.Wait()
			w := alice(t, service).get(monitor)
			require.Equal(t, http.StatusOK, w.Code)
			return decode[workspaces.Operation](t, w)
		}

		assert.Equal(t, "running", operation.Status)
		time.Sleep(time.Second - tick)
		assert.Equal(t, operation, status())
		assert.Equal(t, http.StatusNotFound, alice(t, service).status(operation.Resource))
		time.Sleep(tick)
		assert.Equal(t, workspaces.Operation{Status: "succeeded", Resource: operation.Resource}, status())
		assert.Equal(t, http.StatusOK, alice(t, service).status(operation.Resource))
		assert.Equal(t, http.StatusNotFound, bob(t, service).status(monitor), "another user's operation")
		again, _ = post()
		assert.Equal(t, monitor, again)
		assert.Len(t, kinds(t, service), 2)
	})
}

func TestService_respondAsync_failed(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		alice(t, service).create(`{"workspaceName":"alpha"}`)
		w := alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"alpha"}`, "Prefer", "respond-async")
		require.Equal(t, http.StatusAccepted, w.Code)
		synctest.Wait()
		operation := decode[workspaces.Operation](t, alice(t, service).get(w.Header().Get("Location")))
		assert.Equal(t, "failed", operation.Status)
		assert.Equal(t, map[string]any{"status": 409.0, "message": "Conflict"}, operation.Error)
	})
}
