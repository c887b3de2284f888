package workspaces

// Workspace is a workspace as answers and events carry it.
type Workspace struct {
	ID          string `json:"id"`
	Name        string `json:"workspaceName"`
	DisplayName string `json:"displayName,omitempty"`
	Status      string `json:"status,omitempty"`    // of its alert: FIRING or RESOLVED
	Reference   string `json:"reference,omitempty"` // the client's own mark, by which it knows its work again
	Owner       string `json:"owner"`
	Version     int    `json:"version"` // 1 when created, one more with each change
}

// Member is a user's membership in a workspace.
type Member struct {
	WorkspaceID string `json:"workspaceId"`
	User        string `json:"userName"`
}

// Operation tells how far a command has come that was answered with 202.
type Operation struct {
	Status   string `json:"status"` // running, succeeded or failed
	Resource string `json:"resource"`

	// Error is the body that a synchronous answer would have had. Nil unless
	// Status is failed.
	Error any `json:"error,omitempty"`
}
