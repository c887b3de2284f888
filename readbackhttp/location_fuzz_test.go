package readbackhttp_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// resolved returns where a Location leads, by RFC 3986 as net/url has it, and
// whether it may be read: an HTTP URL without user information, of the write's
// origin unless others are allowed.
func resolved(write *url.URL, location string, othersToo bool) (at *url.URL, foreign, may bool) {
	ref, err := url.Parse(location)
	if location == "" || err != nil {
		return nil, false, false
	}
	base := *write
	base.User = nil
	at = base.ResolveReference(ref)
	at.Fragment, at.RawFragment = "", ""
	if _, err := url.Parse(at.String()); err != nil { // a host that only a relative reference gets away with
		return nil, false, false
	}
	foreign = originOf(at) != originOf(write)
	may = (at.Scheme == "http" || at.Scheme == "https") && at.Host != "" && at.User == nil && (!foreign || othersToo)
	return at, foreign, may
}

func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// escapeBeyondASCII escapes what JSON could not keep.
func escapeBeyondASCII(query string) string {
	var escaped []byte
	for _, c := range []byte(query) {
		if c < 0x80 {
			escaped = append(escaped, c)
		} else {
			escaped = append(escaped, url.QueryEscape(string([]byte{c}))...)
		}
	}
	return string(escaped)
}

// Wherever a write's answer points, the read goes where RFC 3986 says, or
// nowhere: never with credentials to another origin, and to none that is not
// allowed. The same holds after the way through a handle. The flags are: 1 other
// origins are allowed, 2 the write has a virtual host, 4 the Location is asked
// for by a template.
func FuzzLocation(f *testing.F) {
	f.Fuzz(func(t *testing.T, write, location string, flags uint8) {
		othersToo, virtual := flags&1 != 0, flags&2 != 0
		req, err := http.NewRequest(http.MethodPost, write, nil)
		if err != nil || req.URL.Scheme != "http" && req.URL.Scheme != "https" || strings.Trim(req.URL.Host, ".") == "" {
			return
		}
		at := req.URL
		want, foreign, may := resolved(at, location, othersToo)
		if want != nil && strings.Trim(want.Hostname(), ".") == "" && flags&4 != 0 {
			return // a template takes a host of dots for a way up, and refuses it
		}
		if want != nil && !foreign && strings.TrimSuffix(want.Path, "/") == "" && want.RawQuery == "" && strings.TrimSuffix(at.Path, "/") != "" {
			may = false // the home page was there
		}
		req.Header = withSecrets(api).Header
		if virtual {
			req.Host = "virtual.test"
		}
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		var reads []*http.Request
		ex := readbackhttp.Exchange{
			Write: req,
			Client: &http.Client{Jar: jar, Transport: transport(func(req *http.Request) (*http.Response, error) {
				resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}
				if req.Method == http.MethodPost {
					resp.StatusCode = 201
					resp.Header["Location"] = []string{location}
					resp.Header["Set-Cookie"] = []string{"session=hunter2"}
				} else {
					reads = append(reads, req)
				}
				return resp, nil
			})},
			Read: readbackhttp.Location(),
		}
		if flags&4 != 0 {
			ex.Read = readbackhttp.Template("{location}")
		}
		if othersToo {
			ex.AllowOrigin = func(*url.URL) bool { return true }
		}
		flow := ex.Flow()
		ref, err := flow.Write(t.Context())
		require.NoError(t, err)
		_, err = flow.Read(t.Context(), ref)

		if !may {
			require.Empty(t, reads, "%s", want)
			var refused *readbackhttp.TargetError
			require.ErrorAs(t, err, &refused)
			if want != nil && want.User != nil && strings.Count(location, "hunter2") == strings.Count(want.User.String(), "hunter2") {
				stored, jsonErr := json.Marshal(ref)
				require.NoError(t, jsonErr)
				assert.NotContains(t, string(stored)+err.Error(), "hunter2")
			}
			return
		}
		require.NoError(t, err)
		require.Len(t, reads, 1)
		read := reads[0]
		if foreign {
			want.User = nil
			for name := range read.Header {
				assert.Contains(t, []string{"Accept", "Accept-Language", "User-Agent", "Cache-Control"}, name)
			}
			assert.Equal(t, read.URL.Host, read.Host)
		} else {
			assert.Equal(t, at.Scheme, read.URL.Scheme)
			want.User = at.User
			assert.Equal(t, "Bearer hunter2", read.Header.Get("Authorization"))
			if virtual {
				assert.Equal(t, "virtual.test", read.Host)
			}
		}
		want.Host = strings.TrimSuffix(want.Host, ":") // as net/http sends it
		want.RawQuery = strings.ReplaceAll(escapeBeyondASCII(want.RawQuery), " ", "%20")
		assert.Equal(t, want.String(), read.URL.String())

		stored, err := json.Marshal(ref)
		require.NoError(t, err)
		var again readbackhttp.Ref
		require.NoError(t, json.Unmarshal(stored, &again))
		_, err = flow.Read(t.Context(), again)
		require.NoError(t, err)
		assert.Equal(t, read.URL.String(), reads[1].URL.String())
	})
}
