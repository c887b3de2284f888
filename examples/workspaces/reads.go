package workspaces

import (
	"net/http"
	"slices"
	"strconv"
)

// read answers from the replica whose turn it is, and says which that was.
func (s *Service) read(serve func(*replica, *http.Request, Key) (answer, error)) endpoint {
	return func(w http.ResponseWriter, r *http.Request, caller Key) (answer, error) {
		from := s.replicas.pick()
		w.Header().Set("X-Replica", strconv.Itoa(from.number))
		return serve(from, r, caller)
	}
}

// listWorkspaces lists what the caller may see, all of it on one page.
func listWorkspaces(from *replica, r *http.Request, caller Key) (answer, error) {
	query := r.URL.Query()
	return ok200(from.workspaces.list(func(w Workspace) bool {
		return (!query.Has("workspaceName") || query.Get("workspaceName") == w.Name) &&
			(!query.Has("reference") || query.Get("reference") == w.Reference) &&
			slices.Contains(from.members.of(w.ID), caller.User)
	})), nil
}

func getWorkspace(from *replica, r *http.Request, caller Key) (answer, error) {
	found, err := from.visible(r.PathValue("id"), caller.User)
	if err != nil {
		return answer{}, err
	}
	return ok200(found), nil
}

func listMembers(from *replica, r *http.Request, caller Key) (answer, error) {
	found, err := from.visible(r.PathValue("id"), caller.User)
	if err != nil {
		return answer{}, err
	}
	members := []Member{}
	for _, user := range from.members.of(found.ID) {
		members = append(members, Member{WorkspaceID: found.ID, User: user})
	}
	return ok200(members), nil
}

func getMember(from *replica, r *http.Request, caller Key) (answer, error) {
	found, err := from.visible(r.PathValue("id"), caller.User)
	if err != nil {
		return answer{}, err
	}
	user := r.PathValue("user")
	if !slices.Contains(from.members.of(found.ID), user) {
		return answer{}, refuse(http.StatusNotFound)
	}
	return ok200(Member{WorkspaceID: found.ID, User: user}), nil
}

// whoAmI answers from the configuration, which lags behind nothing.
func (s *Service) whoAmI(_ http.ResponseWriter, _ *http.Request, caller Key) (answer, error) {
	return ok200(struct {
		User string `json:"user"`
		Role Role   `json:"role"`
	}{caller.User, caller.Role}), nil
}

// getOperation answers from the command side, which lags behind nothing.
func (s *Service) getOperation(_ http.ResponseWriter, r *http.Request, caller Key) (answer, error) {
	return s.commands.operation(r.PathValue("id"), caller.User)
}
