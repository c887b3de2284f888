package interop_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-github/v84/github"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// createRepo is the server's side of Repositories.Create.
func (s *server) createRepo(w http.ResponseWriter, r *http.Request) {
	var repo struct {
		Name string `json:"name"`
	}
	if err := json.NewDecoder(r.Body).Decode(&repo); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.create(w, r, "/repos/octo/"+repo.Name, strings.NewReader(`{"name":"`+repo.Name+`","owner":{"login":"octo"}}`))
}

func gitHub(t *testing.T, s *server, client *http.Client) vendor {
	base, err := url.Parse(s.URL + "/")
	require.NoError(t, err)
	c := github.NewClient(client).WithAuthToken("secret")
	c.BaseURL = base
	// answered returns the response of a call, which comes with an error too.
	answered := func(resp *github.Response, err error) *http.Response {
		if failed := new(github.ErrorResponse); !errors.As(err, &failed) {
			require.NoError(t, err)
		}
		return resp.Response
	}
	return vendor{
		write: func(name string) int {
			_, resp, err := c.Repositories.Create(t.Context(), "", &github.Repository{Name: &name})
			return answered(resp, err).StatusCode
		},
		read: func(name string) answer {
			repo, resp, err := c.Repositories.Get(t.Context(), "octo", name)
			r := answered(resp, err)
			return answer{r.StatusCode, r.Header, github.Stringify(repo)}
		},
		attempts: 1,
	}
}

func TestGitHub(t *testing.T) {
	readsItsWrites(t, gitHub)

	t.Run("the token says who reads", func(t *testing.T) {
		s := serve(t, lag)
		client := s.over(t, defaults)
		gitHub(t, s, client).write("alpha")
		assert.Equal(t, http.StatusOK, gitHub(t, s, client).read("alpha").Status)
		for _, r := range s.seen("GET", "POST") {
			assert.Equal(t, "Bearer secret", r.Authorization)
		}
	})
}
