package workspaces

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// replicas are the read side: several pairs of tables behind one address.
type replicas struct {
	all  []*replica
	next atomic.Uint64
}

// replica is one pair of read tables.
type replica struct {
	number     int
	workspaces workspacesTable
	members    membershipsTable
}

// newReplicas returns the replicas that o asks for and the projectors that fill
// them, two for each.
func newReplicas(o Options, log *eventLog) (*replicas, []*projector) {
	var made replicas
	var projectors []*projector
	for i := range o.Replicas {
		r := &replica{
			number:     i,
			workspaces: workspacesTable{rows: make(map[string]workspaceRow)},
			members:    membershipsTable{users: make(map[string][]string)},
		}
		made.all = append(made.all, r)
		late := time.Duration(i) * o.ReplicaSpread
		projectors = append(projectors,
			&projector{log: log, table: &r.workspaces, lag: o.WorkspacesLag + late, jitter: o.Jitter},
			&projector{log: log, table: &r.members, lag: o.MembershipsLag + late, jitter: o.Jitter})
	}
	return &made, projectors
}

// pick returns the replica whose turn it is.
func (r *replicas) pick() *replica {
	turn := r.next.Add(1) - 1
	return r.all[turn%uint64(len(r.all))]
}

// visible returns a workspace that user may see, or refuses: with 404 if the
// one table does not have it, with 403 if the other does not have user in it.
func (r *replica) visible(id, user string) (Workspace, error) {
	w, ok := r.workspaces.get(id)
	if !ok {
		return Workspace{}, refuse(http.StatusNotFound)
	}
	if !slices.Contains(r.members.of(id), user) {
		return Workspace{}, refuse(http.StatusForbidden)
	}
	return w, nil
}

// workspacesTable knows every workspace.
type workspacesTable struct {
	mu   sync.RWMutex
	rows map[string]workspaceRow // by id
}

type workspaceRow struct {
	Workspace
	seq uint64 // of its creation: the order of lists
}

func (t *workspacesTable) apply(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case Created:
		t.rows[e.Workspace.ID] = workspaceRow{Workspace: e.Workspace, seq: e.Seq}
	case Changed:
		t.rows[e.Workspace.ID] = workspaceRow{Workspace: e.Workspace, seq: t.rows[e.Workspace.ID].seq}
	case Deleted:
		delete(t.rows, e.Workspace.ID)
	}
}

func (t *workspacesTable) get(id string) (Workspace, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	row, ok := t.rows[id]
	return row.Workspace, ok
}

// list returns the workspaces that match, the oldest first.
func (t *workspacesTable) list(match func(Workspace) bool) []Workspace {
	var rows []workspaceRow
	t.mu.RLock()
	for _, row := range t.rows {
		if match(row.Workspace) {
			rows = append(rows, row)
		}
	}
	t.mu.RUnlock()
	slices.SortFunc(rows, func(a, b workspaceRow) int { return cmp.Compare(a.seq, b.seq) })
	found := make([]Workspace, 0, len(rows)) // never nil: an empty list is [], not null
	for _, row := range rows {
		found = append(found, row.Workspace)
	}
	return found
}

// membershipsTable knows who is a member of which workspace, and nothing else.
type membershipsTable struct {
	mu    sync.RWMutex
	users map[string][]string // by the workspace's id, in order of joining
}

func (t *membershipsTable) apply(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case MemberAdded:
		// Readers may hold the old slice: it only grows, beyond their end of it.
		t.users[e.Workspace.ID] = append(t.users[e.Workspace.ID], e.Member)
	case Deleted:
		delete(t.users, e.Workspace.ID)
	}
}

// of returns the members of a workspace. The slice is not to be changed.
func (t *membershipsTable) of(id string) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.users[id]
}
