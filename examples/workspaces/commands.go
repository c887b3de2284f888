package workspaces

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// command is a write that was asked for. It can wait in the queue.
type command struct {
	Action    action            `json:"action"`
	By        string            `json:"by"`
	Workspace string            `json:"workspace"` // its id; a new one for a creation
	Values    map[string]string `json:"values,omitempty"`

	Operation string `json:"operation,omitempty"` // to be told how it went
	Key       string `json:"key,omitempty"`       // under which the answer is kept
	Print     string `json:"print,omitempty"`     // of the request that the key came with
}

type action string

const (
	create    action = "create"
	change    action = "change"
	discard   action = "discard"
	addMember action = "addMember"
)

// commandSide validates commands and appends what they amount to.
type commandSide struct {
	db     *bolt.DB
	log    *eventLog
	queued signal // sent after the commit of an enqueue
}

// handle executes c as part of tx and returns its answer. A refusal is an
// answer too; an error is not, and tx must not be committed then.
func (s *commandSide) handle(tx *bolt.Tx, c command) (answer, error) {
	handlers := map[action]func(*bolt.Tx, command) (answer, error){
		create:    s.create,
		change:    s.change,
		discard:   s.discard,
		addMember: s.addMember,
	}
	handler, ok := handlers[c.Action]
	if !ok {
		return answer{}, fmt.Errorf("workspaces: unknown action %q", c.Action)
	}
	given, err := handler(tx, c)
	if no, ok := errors.AsType[*refusal](err); ok {
		return no.answer, nil
	}
	return given, err
}

func (s *commandSide) create(tx *bolt.Tx, c command) (answer, error) {
	made := record{
		Workspace: Workspace{
			ID:          c.Workspace,
			Name:        c.Values["workspaceName"],
			DisplayName: c.Values["displayName"],
			Status:      c.Values["status"],
			Reference:   c.Values["reference"],
			Owner:       c.By,
			Version:     1,
		},
		Members: []string{c.By},
	}
	if err := s.claimName(tx, made.Workspace); err != nil {
		return answer{}, err
	}
	if err := store(tx, stateBucket, c.Workspace, made); err != nil {
		return answer{}, err
	}
	now := time.Now()
	for _, e := range []Event{
		{Kind: Created, At: now, By: c.By, Workspace: made.Workspace},
		{Kind: MemberAdded, At: now, By: c.By, Workspace: made.Workspace, Member: c.By},
	} {
		if err := s.log.append(tx, e); err != nil {
			return answer{}, err
		}
	}
	return made201(workspacePath(c.Workspace), made.Workspace), nil
}

// change appends no event if nothing changes, and answers the same.
func (s *commandSide) change(tx *bolt.Tx, c command) (answer, error) {
	old, err := s.own(tx, c)
	if err != nil {
		return answer{}, err
	}
	changed := old
	for name, field := range map[string]*string{
		"workspaceName": &changed.Workspace.Name,
		"displayName":   &changed.Workspace.DisplayName,
		"status":        &changed.Workspace.Status,
	} {
		if value, given := c.Values[name]; given {
			*field = value
		}
	}
	if changed.Workspace == old.Workspace {
		return ok200(old.Workspace), nil
	}
	changed.Workspace.Version++
	if changed.Workspace.Name != old.Workspace.Name {
		if err := s.claimName(tx, changed.Workspace); err != nil {
			return answer{}, err
		}
		if err := remove(tx, namesBucket, pair(old.Workspace.Owner, old.Workspace.Name)); err != nil {
			return answer{}, err
		}
	}
	if err := store(tx, stateBucket, c.Workspace, changed); err != nil {
		return answer{}, err
	}
	err = s.log.append(tx, Event{Kind: Changed, At: time.Now(), By: c.By, Workspace: changed.Workspace})
	return ok200(changed.Workspace), err
}

func (s *commandSide) discard(tx *bolt.Tx, c command) (answer, error) {
	old, err := s.own(tx, c)
	if err != nil {
		return answer{}, err
	}
	if err := remove(tx, stateBucket, c.Workspace); err != nil {
		return answer{}, err
	}
	if err := remove(tx, namesBucket, pair(old.Workspace.Owner, old.Workspace.Name)); err != nil {
		return answer{}, err
	}
	err = s.log.append(tx, Event{Kind: Deleted, At: time.Now(), By: c.By, Workspace: old.Workspace})
	return answer{Status: http.StatusNoContent}, err
}

func (s *commandSide) addMember(tx *bolt.Tx, c command) (answer, error) {
	old, err := s.own(tx, c)
	if err != nil {
		return answer{}, err
	}
	user := c.Values["userName"]
	if slices.Contains(old.Members, user) {
		return answer{}, refuse(http.StatusConflict)
	}
	old.Members = append(old.Members, user)
	if err := store(tx, stateBucket, c.Workspace, old); err != nil {
		return answer{}, err
	}
	err = s.log.append(tx, Event{
		Kind: MemberAdded, At: time.Now(), By: c.By, Workspace: old.Workspace, Member: user,
	})
	return made201(memberPath(c.Workspace, user), Member{WorkspaceID: c.Workspace, User: user}), err
}

// own returns the workspace that c is about, or refuses: with 404 if there is
// none, with 403 if the caller is no member.
func (s *commandSide) own(tx *bolt.Tx, c command) (record, error) {
	var found record
	ok, err := load(tx, stateBucket, c.Workspace, &found)
	switch {
	case err != nil:
		return record{}, err
	case !ok:
		return record{}, refuse(http.StatusNotFound)
	case !slices.Contains(found.Members, c.By):
		return record{}, refuse(http.StatusForbidden)
	}
	return found, nil
}

// claimName gives w its name, or refuses with 409 if its owner has another
// workspace of that name.
func (s *commandSide) claimName(tx *bolt.Tx, w Workspace) error {
	key := pair(w.Owner, w.Name)
	var holder string
	if taken, err := load(tx, namesBucket, key, &holder); err != nil {
		return err
	} else if taken {
		return refuse(http.StatusConflict)
	}
	return store(tx, namesBucket, key, w.ID)
}

func made201(location string, body any) answer {
	return answer{
		Status: http.StatusCreated,
		Header: map[string]string{"Location": location},
		Body:   mustJSON(body),
	}
}

func ok200(body any) answer { return answer{Status: http.StatusOK, Body: mustJSON(body)} }

func workspacePath(id string) string { return "/v1/workspaces/" + url.PathEscape(id) }

func memberPath(id, user string) string {
	return workspacePath(id) + "/members/" + url.PathEscape(user)
}
