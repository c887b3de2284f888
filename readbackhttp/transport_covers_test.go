package readbackhttp_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// held reports whether a read was held: the script of the tests below answers
// the second read with 200.
func held(t *testing.T, client *http.Client, url string, headers ...string) bool {
	t.Helper()
	got, err := ask(t.Context(), client, "GET", url, headers...)
	require.NoError(t, err)
	return got == "200"
}

// lagging answers writes well, with the given Location, and every first read of
// a URL with 404.
func lagging(location string) http.Handler {
	seen := map[string]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.Host + r.URL.String() + r.Header.Get("Authorization") + r.Header.Get("Cookie") + r.Header.Get("X-Key")
		switch {
		case r.Method == "POST":
			w.Header()["Location"] = []string{location}
			w.WriteHeader(201)
		case r.Method != "GET":
			w.WriteHeader(204)
		case !seen[at]:
			seen[at] = true
			w.WriteHeader(404)
		}
	})
}

func TestTransport_location(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		location string
		read     string
		want     bool
	}{
		{"absolute", "http://api.test/v1/things/7", "http://api.test/v1/things/7", true},
		{"absolute path", "/v2/things/7", "http://api.test/v2/things/7", true},
		{"relative", "things/7", "http://api.test/v1/things/7", true},
		{"relative, climbing", "../v3/7", "http://api.test/v3/7", true},
		{"usual port", "http://api.test:80/v1/things/7", "http://api.test/v1/things/7", true},
		{"empty port", "http://api.test:/v1/things/7", "http://api.test/v1/things/7", true},
		{"host in another case", "http://API.test/v1/things/7", "http://api.test/v1/things/7", true},
		{"fragment", "/v1/things/7#top", "http://api.test/v1/things/7", true},
		{"escaped otherwise", "/v1/th%69ngs/7", "http://api.test/v1/things/7", true},
		{"escaped slash", "/v1/things%2F7", "http://api.test/v1/things/7", false},
		{"slash at the end", "/v1/things/7/", "http://api.test/v1/things/7", true},
		{"query", "/v1/thing?id=7", "http://api.test/v1/thing?id=7", true},
		{"query, another", "/v1/thing?id=7", "http://api.test/v1/thing?id=8", false},
		{"query, none", "/v1/thing?id=7", "http://api.test/v1/thing", false},
		{"another scheme", "https://api.test/v1/things/7", "http://api.test/v1/things/7", false},
		{"another scheme altogether", "javascript:alert(1)", "http://api.test/v1/things/7", false},
		{"another host", "http://other.test/v1/things/7", "http://other.test/v1/things/7", false},
		{"another host, without scheme", "//other.test/v1/things/7", "http://other.test/v1/things/7", false},
		{"another port", "http://api.test:81/v1/things/7", "http://api.test:81/v1/things/7", false},
		{"userinfo", "http://root:toor@api.test/v1/things/7", "http://api.test/v1/things/7", false},
		{"garbage", "http://[::1/%zz", "http://api.test/v1/things/7", false},
		{"empty", "", "http://api.test/v1", false},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := serve(t, lagging(tt.location))
			client := s.over(slowly)
			_, err := ask(t.Context(), client, "POST", api+"/v1/")
			require.NoError(t, err)
			assert.Equal(t, tt.want, held(t, client, tt.read))
		})
	}
}

// One user's write holds nobody else's read.
func TestTransport_holdsNobodyElsesRead(t *testing.T) {
	t.Parallel()
	sign := func(key, signature string) []string {
		return []string{"Authorization: AWS4-HMAC-SHA256 Credential=" + key + "/20260131/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=" + signature}
	}
	byKey := slowly
	byKey.Scope = func(r *http.Request) string { return r.Header.Get("X-Key") }
	tests := []struct {
		name        string
		options     readbackhttp.TransportOptions
		write, read []string
		want        bool
	}{
		{"nobody", slowly, nil, nil, true},
		{"same token", slowly, []string{"Authorization: Bearer a"}, []string{"Authorization: Bearer a"}, true},
		{"another token", slowly, []string{"Authorization: Bearer a"}, []string{"Authorization: Bearer b"}, false},
		{"no token", slowly, []string{"Authorization: Bearer a"}, nil, false},
		{"same cookie", slowly, []string{"Cookie: id=a"}, []string{"Cookie: id=a"}, true},
		{"another cookie", slowly, []string{"Cookie: id=a"}, []string{"Cookie: id=b"}, false},
		{"a cookie for a token", slowly, []string{"Cookie: a"}, []string{"Authorization: a"}, false},
		{"signed by the same key", slowly, sign("AKIA1", "12"), sign("AKIA1", "34"), true},
		{"signed by another key", slowly, sign("AKIA1", "12"), sign("AKIA2", "12"), false},
		{"a signature that is none", slowly, []string{"Authorization: AWS4-HMAC-SHA256 a"}, []string{"Authorization: AWS4-HMAC-SHA256 b"}, false},
		{"signed for Azure Storage", slowly, []string{"Authorization: SharedKey me:12="}, []string{"Authorization: SharedKey me:34="}, true},
		{"signed for Azure Storage by another", slowly, []string{"Authorization: SharedKey me:12="}, []string{"Authorization: SharedKey you:12="}, false},
		{"signed as S3 once was", slowly, []string{"Authorization: AWS AKIA1:12="}, []string{"Authorization: AWS AKIA1:34="}, true},
		{"signed for Google", slowly, []string{"Authorization: GOOG4-HMAC-SHA256 Credential=G/2026/auto/storage/goog4_request, SignedHeaders=host, Signature=12"},
			[]string{"Authorization: GOOG4-HMAC-SHA256 Credential=G/2026/auto/storage/goog4_request, SignedHeaders=host, Signature=34"}, true},
		{"signed by a key of HTTP signatures", slowly, []string{`Authorization: Signature version="1",keyId="t/u/k",headers="date",signature="12"`},
			[]string{`Authorization: Signature version="1",keyId="t/u/k",headers="date host",signature="34"`}, true},
		{"signed by another key of HTTP signatures", slowly, []string{`Authorization: Signature keyId="a",signature="12"`},
			[]string{`Authorization: Signature keyId="b",signature="12"`}, false},
		{"by digest", slowly, []string{`Authorization: Digest username="me", realm="r", nc=00000001, response="12"`},
			[]string{`Authorization: Digest username="me", realm="r", nc=00000002, response="34"`}, true},
		{"by another's digest", slowly, []string{`Authorization: Digest username="me", response="12"`},
			[]string{`Authorization: Digest username="you", response="12"`}, false},
		{"by the digest of one of the same first name", slowly, []string{`Authorization: Digest username="me, too", response="12"`},
			[]string{`Authorization: Digest username="me, not", response="12"`}, false},
		{"by OAuth 1", slowly, []string{`Authorization: OAuth oauth_consumer_key="c", oauth_token="t", oauth_nonce="1", oauth_signature="12"`},
			[]string{`Authorization: OAuth oauth_nonce="2", oauth_consumer_key="c", oauth_token="t", oauth_signature="34"`}, true},
		{"by another token of OAuth 1", slowly, []string{`Authorization: OAuth oauth_consumer_key="c", oauth_token="t"`},
			[]string{`Authorization: OAuth oauth_consumer_key="c", oauth_token="u"`}, false},
		{"a scheme that is not known", slowly, []string{`Authorization: Other keyId="a",signature="12"`},
			[]string{`Authorization: Other keyId="a",signature="34"`}, false},
		{"a key that is not named", slowly, []string{`Authorization: Signature signature="12"`}, []string{`Authorization: Signature signature="34"`}, false},
		{"passwords are no signatures", slowly, []string{"Authorization: Basic a:b"}, []string{"Authorization: Basic a:c"}, false},
		{"a balancer's cookie", slowly, []string{"Cookie: id=a; AWSALB=1"}, []string{"Cookie: AWSALB=2; id=a; __cf_bm=3"}, true},
		{"a balancer's cookie that is new", slowly, nil, []string{"Cookie: AWSALB=2"}, true},
		{"a balancer's cookie beside another's", slowly, []string{"Cookie: id=a; AWSALB=1"}, []string{"Cookie: id=b; AWSALB=1"}, false},
		{"another API key", slowly, []string{"X-Api-Key: a"}, []string{"X-Api-Key: b"}, false},
		{"the same API key", slowly, []string{"X-Api-Key: a"}, []string{"X-Api-Key: a"}, true},
		{"no API key", slowly, []string{"Private-Token: a"}, nil, false},
		{"an API key in another header", slowly, []string{"X-Api-Key: a"}, []string{"X-Auth-Token: a"}, false},
		{"as somebody else", slowly, []string{"Authorization: a", "Impersonate-User: a"}, []string{"Authorization: a", "Impersonate-User: b"}, false},
		{"a header that does not count", slowly, []string{"X-Key: a"}, []string{"X-Key: b"}, true},
		{"own scope, same", byKey, []string{"X-Key: a", "Authorization: a"}, []string{"X-Key: a", "Authorization: b"}, true},
		{"own scope, another", byKey, []string{"X-Key: a"}, []string{"X-Key: b"}, false},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := serve(t, lagging("/things/7"))
			client := s.over(tt.options)
			_, err := ask(t.Context(), client, "POST", api+"/things", tt.write...)
			require.NoError(t, err)
			assert.Equal(t, tt.want, held(t, client, api+"/things/7", tt.read...))
		})
	}
}

// A key in the query tells callers apart as one in a header does.
func TestTransport_scopeOfQuery(t *testing.T) {
	t.Parallel()
	tests := []struct {
		write, read string
		want        bool
	}{
		{"api_key=a", "api_key=a", true},
		{"api_key=a", "api_key=a&view=full", true},
		{"api_key=a", "api_key=b", false},
		{"api_key=a", "", false},
		{"access_token=a", "access_token=b", false},
		{"x=1&apikey=a", "apikey=b&x=1", false},
		{"", "api-key=b", false},
		{"page=1", "page=2", true},
	}
	for _, tt := range tests {
		bubble(t, tt.write+" "+tt.read, func(t *testing.T) {
			client := serve(t, lagging("/things/7")).over(slowly)
			_, err := ask(t.Context(), client, "POST", api+"/things?"+tt.write)
			require.NoError(t, err)
			assert.Equal(t, tt.want, held(t, client, api+"/things/7?"+tt.read))
		})
	}
}

// Hosts are what the server is asked for, not where it is.
func TestTransport_host(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, lagging("http://shop.test/things/7"))
		client := s.over(slowly)
		write := send("POST", "http://10.0.0.1:8080/things", "")
		write.Host = "shop.test"
		_, err := do(client, write)
		require.NoError(t, err)
		read := func(host string) string {
			req := send("GET", "http://10.0.0.1:8080/things/7", "")
			req.Host = host
			got, err := do(client, req)
			require.NoError(t, err)
			return got
		}
		assert.Equal(t, "404", read("other.test"))
		assert.Equal(t, "200", read("shop.test"))
	})
}

func TestTransport_covers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var usual []string
		var statuses []int
		options := slowly
		options.Covers = func(req *http.Request, resp *http.Response, list []*url.URL) []*url.URL {
			usual = append(usual, req.Method)
			for _, u := range list {
				usual = append(usual, u.String())
			}
			if resp == nil {
				statuses = append(statuses, 0)
				return list
			}
			statuses = append(statuses, resp.StatusCode)
			collection, _ := url.Parse(api + "/lists")
			return append(list, collection, nil)
		}
		s := serve(t, script{
			"POST /things": {made}, "MKCOL /b": {"201"}, "PUT /c": {lost}, "PATCH /d": {"422"},
			"GET /things/7": {"404", "200 | thing"}, "GET /lists/1": {"404", "200 | list"}, "GET /c": {"404", "200 | c"},
			"GET /c/below": {"404 | none", "200"},
		}.handler())
		client := s.over(options)
		_, _ = ask(t.Context(), client, "POST", api+"/things?x=1")
		answered(t, "200 list", client, "GET", api+"/lists/1")
		answered(t, "200 thing", client, "GET", api+"/things/7")
		_, _ = ask(t.Context(), client, "MKCOL", api+"/b")
		_, err := do(client, send("PUT", api+"/c", "body"))
		require.Error(t, err)
		answered(t, "200 c", client, "GET", api+"/c")
		answered(t, "404 none", client, "GET", api+"/c/below") // the write is ambiguous
		_, _ = ask(t.Context(), client, "PATCH", api+"/d")
		assert.Equal(t, []string{"POST", api + "/things/7", "MKCOL", "PUT", api + "/c"}, usual)
		assert.Equal(t, []int{201, 201, 0}, statuses)
	})
}
