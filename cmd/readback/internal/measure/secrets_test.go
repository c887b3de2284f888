package measure_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Secrets of the command line appear in nothing that is written, even if the
// server says them back.
func TestSecrets(t *testing.T) {
	t.Parallel()
	loud := func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		said := fmt.Sprintf("%s %s %s %s %s", user, password, r.Header.Get("X-Api-Key"), r.URL.RawQuery, r.Header.Get("Authorization"))
		switch {
		case r.Method == http.MethodPost && r.URL.Query().Get("fail") == "":
			w.Header().Set("Location", "/things/7?token=hunter4-in-location")
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, said)
		case r.Method == http.MethodGet:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"message":%q}`, said)
		default:
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprintf(w, `{"message":%q}`, said)
		}
	}
	for name, url := range map[string]string{
		"never seen": "http://anna:hunter1-in-url@api.test/things?token=hunter2-in-query",
		"refused":    "http://anna:hunter1-in-url@api.test/things?token=hunter2-in-query&fail=1",
	} {
		against(t, name, loud, func(t *testing.T, w *world) {
			dir := t.TempDir()
			save, page := filepath.Join(dir, "run.json"), filepath.Join(dir, "run.html")
			status := w.run(t.Context(), "-X", "POST", url, "-H", "X-Api-Key: hunter3-in-header", "-d", "secret-body",
				"--then", "{location}", "--cleanup", "{location}", "--count", "1", "--settle-for", "0", "--within", "1s", "--save", save, "--report", page)
			assert.NotZero(t, status)
			saved, err := os.ReadFile(save)
			require.NoError(t, err)
			html, err := os.ReadFile(page)
			require.NoError(t, err)
			for what, text := range map[string]string{"stdout": w.Out.String(), "stderr": w.Err.String(), "saved": string(saved), "page": string(html)} {
				assert.NotEmpty(t, text)
				assert.NotContains(t, text, "hunter", what)
				assert.NotContains(t, text, "YW5uYTpod", what) // Base64 of them
				assert.NotContains(t, text, "secret-body", what)
			}
			assert.Contains(t, w.Err.String(), "api.test/things")
		})
	}
}

// A parameter that is marked as secret is hidden in the templates too, however
// short it is.
func TestSecrets_templates(t *testing.T) {
	t.Parallel()
	against(t, "", echo(201), func(t *testing.T, w *world) {
		_, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things?key=k1&n={n}", "--then", "{location}?sig=s1", "--cleanup", "{location}?token=t1", "--expect-status", "200", "--count", "1", "--settle-for", "0")
		assert.Equal(t, "POST http://api.test/things?key=REDACTED&n={n}", r.Write)
		assert.Equal(t, "GET {location}?sig=REDACTED", r.Read)
		assert.Equal(t, "DELETE {location}?token=REDACTED", r.Cleanup)
	})
}
