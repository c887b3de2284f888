package readbackhttp_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// withSecrets returns a POST with credentials of all kinds.
func withSecrets(target string) *http.Request {
	req := send("POST", target, `{}`)
	req.Header.Set("Authorization", "Bearer hunter2")
	req.Header.Set("Cookie", "session=hunter2")
	req.Header.Set("X-Api-Key", "hunter2")
	req.Header.Set("X-Tenant", "hunter2")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "de")
	req.Header.Set("User-Agent", "me/1")
	return req
}

// Where the answer to a write points to is read only if it is of the write's
// origin. The write stays applied, and nothing is sent elsewhere.
func TestOrigin_anotherIsNotRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		write    string
		location string
		want     string // in the error
	}{
		{"another host", api + "/things", "http://other.test/things/7", "will not read http://other.test/things/7: of another origin"},
		{"without a scheme", api + "/things", "//other.test/things/7", "of another origin"},
		{"a subdomain", api + "/things", "http://sub.api.test/things/7", "of another origin"},
		{"another port", api + "/things", "http://api.test:8080/things/7", "of another origin"},
		{"https", api + "/things", "https://api.test/things/7", "of another origin"},
		{"https on the same port", "http://api.test:8080/things", "https://api.test:8080/things/7", "of another origin"},
		{"backslashes", api + "/things", `/\other.test/things/7`, ""},
		{"user information", api + "/things", "http://me:hunter2@api.test/things/7", "will not read http://api.test/things/7: has user information"},
		{"empty user information", api + "/things", "http://@api.test/things/7", "user information"},
		{"the write's own user", "http://me:hunter2@api.test/things", "http://me:hunter2@api.test/things/7", "user information"},
		{"host in the user's place", api + "/things", "http://api.test@other.test/things/7", "user information"},
		{"file", api + "/things", "file:///etc/passwd", "will not read file:///etc/passwd: not an HTTP URL"},
		{"script", api + "/things", "javascript:alert(1)", "not an HTTP URL"},
		{"no host", api + "/things", "http:///things/7", "not an HTTP URL"},
		{"opaque", api + "/things", "http:things/7", "not an HTTP URL"},
		{"garbage", api + "/things", "http://[::1/things", "no Location"},
		{"garbage in the path", api + "/things", "/things/%zz", "no Location"},
		{"none", api + "/things", "", "no Location"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, script{"POST /things": {"201 | Location: " + tt.location}}.handler())
			ex := readbackhttp.Exchange{Client: srv.Client, Write: withSecrets(tt.write)}
			res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
			assert.Equal(t, consistency.Unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
			assert.NotContains(t, err.Error(), "hunter2")
			if tt.want == "" { // what Go does not take for another host is none
				for _, r := range srv.requests() {
					assert.NotContains(t, r.Target, "http://")
				}
				return
			}
			var refused *readbackhttp.TargetError
			require.ErrorAs(t, err, &refused)
			assert.ErrorContains(t, err, tt.want)
			assert.Len(t, srv.log(), 1)
			assert.Equal(t, 1, srv.writes())
			assert.False(t, res.Pending.IsZero())
		})
	}
}

func TestOrigin_same(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, location, want string
	}{
		{"absolute path", "/things/7", "/things/7"},
		{"relative path", "7", "/v1/things/7"},
		{"query alone", "?id=7", "/v1/things/?id=7"},
		{"dots", "../x/./7", "/v1/x/7"},
		{"absolute", "http://api.test/things/7", "/things/7"},
		{"in another case, with the port", "HTTP://API.test:80/things/7", "/things/7"},
		{"fragment", "/things/7#part", "/things/7"},
		{"escapes are kept", "/things/a%2Fb%20c?q=a%26b", "/things/a%2Fb%20c?q=a%26b"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					answer(w, "201 | Location: "+tt.location)
					return
				}
				answer(w, `200 | {"v":1}`)
			}))
			ex := readbackhttp.Exchange{Client: srv.Client, Write: withSecrets(api + "/v1/things/")}
			readbacktest.Confirm(t, everySecond, ex.Flow())
			assert.Equal(t, []string{"0s POST /v1/things/", "0s GET " + tt.want}, srv.log())
			assert.Equal(t, "Bearer hunter2", srv.reads()[0].Header.Get("Authorization"))
		})
	}
}

func TestOrigin_https(t *testing.T) {
	t.Parallel()
	for location, same := range map[string]bool{
		"https://api.test/things/7":     true,
		"https://api.test:443/things/7": true,
		"https://API.test:/things/7":    true,
		"https://api.test:80/things/7":  false,
		"http://api.test/things/7":      false,
		"http://api.test:443/things/7":  false,
	} {
		writes, reads := 0, 0
		client := inMemory(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				reads++
				answer(w, `200 | {"v":1}`)
				return
			}
			writes++
			answer(w, "201 | Location: "+location)
		})
		ex := readbackhttp.Exchange{Client: client, Write: send("POST", "https://api.test/things", `{}`)}
		_, err := consistency.Do(t.Context(), consistency.Policy{}, ex.Flow())
		assert.Equal(t, same, err == nil, location)
		assert.Equal(t, same, reads == 1, location)
		assert.Equal(t, 1, writes)
	}
}

// Another origin that is allowed gets no credentials, not even a cookie that
// the client has for the host.
func TestOrigin_allowedGetsNoCredentials(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things":  {"201 | Set-Cookie: session=hunter2 | Location: http://api.test:8080/things/7"},
			"GET /things/7": {"404", `200 | {"v":1}`},
		}.handler())
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		srv.Client.Jar = jar
		asked := false
		ex := readbackhttp.Exchange{
			Client: srv.Client, Write: withSecrets("http://me:hunter2@api.test/things"),
			AllowOrigin: func(u *url.URL) bool {
				asked = true
				assert.Equal(t, "http://api.test:8080/things/7", u.String())
				return u.Host == "api.test:8080"
			},
		}
		readbacktest.Confirm(t, everySecond, ex.Flow())
		assert.Equal(t, []string{
			"0s POST /things", "0s GET http://api.test:8080/things/7", "1s GET http://api.test:8080/things/7",
		}, srv.log())
		for _, r := range srv.reads() {
			assert.Equal(t, http.Header{
				"Accept": {"application/json"}, "Accept-Language": {"de"}, "User-Agent": {"me/1"},
				"Cache-Control": {"no-cache"}, "Accept-Encoding": {"gzip"},
			}, r.Header)
		}
		assert.True(t, asked)

		// The virtual host is the write's alone.
		write := withSecrets("http://10.0.0.1/things")
		write.Host = "api.test"
		ex.Write, ex.Header = write, http.Header{"X-Read": {"hunter2"}}
		readbacktest.Confirm(t, everySecond, ex.Flow())
		assert.Equal(t, []string{"1s POST /things", "1s GET http://api.test:8080/things/7"}, srv.log()[3:])
		assert.Empty(t, srv.reads()[2].Header.Get("X-Read"))
	})
}

// A cookie that the write's answer sets goes with reads of its origin.
func TestOrigin_cookiesOfTheAnswerGoWithReads(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things":  {"201 | Set-Cookie: replica=3 | Location: /things/7"},
			"GET /things/7": {`200 | {"v":1}`},
		}.handler())
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		srv.Client.Jar = jar
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", "")}
		readbacktest.Confirm(t, everySecond, ex.Flow())
		assert.Equal(t, 1, srv.writes())
		require.Len(t, srv.reads(), 1)
		assert.Equal(t, "replica=3", srv.reads()[0].Header.Get("Cookie"))
	})
}

// The user in the write's own URL is that of the reads, and appears nowhere.
func TestOrigin_userOfWrite(t *testing.T) {
	t.Parallel()
	writes := map[string]readbackhttp.Exchange{
		"POST":   {Write: send("POST", "http://me:hunter2@api.test/things", `{}`)},
		"PUT":    {Write: send("PUT", "http://me:hunter2@api.test/things/7", `{}`), Match: readbackhttp.HasJSON("/v", 2)},
		"DELETE": {Write: send("DELETE", "http://me:hunter2@api.test/things/7", "")},
	}
	for method, ex := range writes {
		bubble(t, method, func(t *testing.T) {
			srv := serve(t, script{
				"POST /things":     {"201 | Location: http://api.test/things/7"},
				"PUT /things/7":    {"204"},
				"DELETE /things/7": {"204"},
				"GET /things/7":    {"401"},
			}.handler())
			ex.Client = srv.Client
			flow := ex.Flow()
			assert.NotContains(t, flow.Name, "hunter2")
			res, err := consistency.Do(t.Context(), everySecond, flow)
			assert.ErrorContains(t, err, "GET http://api.test/things/7 answered 401")
			assert.NotContains(t, err.Error(), "hunter2")
			handle, err := json.Marshal(res.Pending)
			require.NoError(t, err)
			assert.NotContains(t, string(handle), "hunter2")
			assert.Equal(t, 1, srv.writes())
			require.Len(t, srv.reads(), 1)
			for _, r := range srv.requests() {
				assert.Equal(t, "Basic bWU6aHVudGVyMg==", r.Header.Get("Authorization"), r.Method)
			}
		})
	}
}

// A Location with user information is refused, and what it says is in no
// handle.
func TestOrigin_userInHandle(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, script{
			"POST /things": {"202 | Location: http://me:hunter2@api.test/things/7 | Operation-Location: http://me:hunter2@api.test/ops/1"},
		}.handler())
		ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Monitor: &readbackhttp.Monitor{}}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		assert.ErrorContains(t, err, "has user information")
		handle, err := json.Marshal(res.Pending)
		require.NoError(t, err)
		assert.NotContains(t, string(handle), "hunter2")
		assert.Equal(t, []string{"0s POST /things"}, srv.log())

		// The handle keeps what the refusal rests on.
		_, err = consistency.Resume(t.Context(), everySecond, ex.Flow(), res.Pending)
		assert.ErrorContains(t, err, "has user information")
		assert.Equal(t, []string{"0s POST /things"}, srv.log())
	})
}
