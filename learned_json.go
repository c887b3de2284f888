package readback

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/readback-go/readback/internal/lagplan"
)

// learnedVersion changes when the meaning of a stored field changes, or the grid of lags.
const learnedVersion = 2

// mostReadTime bounds the stored duration of a read, in seconds.
const mostReadTime = 3600

type learnedJSON struct {
	Version int       `json:"version"`
	Parent  keyJSON   `json:"parent"`
	Keys    []keyJSON `json:"keys,omitempty"` // the one used last first
}

type keyJSON struct {
	Key      string           `json:"key,omitempty"`
	Flows    int64            `json:"flows"`
	Price    float64          `json:"price,omitempty"` // seconds
	Trim     float64          `json:"trim,omitempty"`
	Priced   int              `json:"priced,omitempty"`    // flows that the price was learned from
	ReadTime float64          `json:"read_time,omitempty"` // seconds
	Lag      lagplan.Snapshot `json:"lag"`

	Firsts *lagplan.FirstsSnapshot `json:"firsts,omitempty"` // where early reads make flows late
}

// MarshalJSON returns what was learned, of the parent and of all keys, whichever of them
// it is called on. The options are not included. A key takes about 4 kB.
func (l *Learned) MarshalJSON() ([]byte, error) {
	m := l.shared()
	stored := learnedJSON{Version: learnedVersion, Parent: m.parent.stored("")}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range m.byUse() {
		stored.Keys = append(stored.Keys, m.keys[name].stored(name))
	}
	return json.Marshal(stored)
}

// UnmarshalJSON replaces what was learned, of the parent and of all keys, by what
// [Learned.MarshalJSON] returned, so that a new process need not learn again. If more keys
// are stored than LearnedOptions.Keys allows, those that were used last are kept. Flows
// under way keep their plan.
//
// It returns an error, and changes nothing, if the data are not JSON, have an unknown
// version or a wrong length, or if a number is negative or out of range. JSON null changes
// nothing, without an error.
func (l *Learned) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var stored learnedJSON
	if err := json.Unmarshal(data, &stored); err != nil {
		return fmt.Errorf("readback: learned lags: %w", err)
	}
	if stored.Version != learnedVersion {
		return fmt.Errorf("readback: learned lags are of version %d, not %d: learn them anew", stored.Version, learnedVersion)
	}
	m := l.shared()
	parent, err := m.restored(stored.Parent)
	if err != nil {
		return fmt.Errorf("readback: learned lags of the parent: %w", err)
	}
	keys := make(map[string]*lagKey, len(stored.Keys))
	for _, s := range stored.Keys {
		if s.Key == "" || keys[s.Key] != nil {
			return fmt.Errorf("readback: learned lags: key %q is empty or stored twice", s.Key)
		}
		if keys[s.Key], err = m.restored(s); err != nil {
			return fmt.Errorf("readback: learned lags of key %q: %w", s.Key, err)
		}
	}
	for i := len(stored.Keys) - 1; i >= 0; i-- {
		keys[stored.Keys[i].Key].touch()
	}
	m.replace(parent, keys)
	return nil
}

func (k *lagKey) stored(name string) keyJSON {
	k.mu.Lock()
	defer k.mu.Unlock()
	return keyJSON{
		Key:      name,
		Flows:    k.flows.Load(),
		Price:    k.budget.Price,
		Trim:     k.budget.Trim,
		Priced:   k.budget.Flows,
		ReadTime: k.readTime,
		Lag:      k.estimate.Snapshot(),
		Firsts:   k.firsts.Snapshot(),
	}
}

// restored returns the key of a stored one.
func (m *lagModel) restored(s keyJSON) (*lagKey, error) {
	k := m.newKey()
	k.budget.Price, k.budget.Trim, k.budget.Flows = s.Price, s.Trim, s.Priced
	if s.Flows < 0 || !k.budget.Valid() || !(s.ReadTime >= 0 && s.ReadTime <= mostReadTime) {
		return nil, errors.New("flows, price or read time out of range")
	}
	estimate, err := s.Lag.Estimate()
	if err != nil {
		return nil, err
	}
	if k.firsts, err = s.Firsts.Firsts(); err != nil {
		return nil, err
	}
	k.estimate, k.readTime = estimate, s.ReadTime
	k.flows.Store(s.Flows)
	return k, nil
}

// replace replaces the keys by restored ones.
func (m *lagModel) replace(parent *lagKey, keys map[string]*lagKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keys {
		k.dropped.Store(true)
	}
	m.keys = keys
	m.dropOldest()
	m.parent.become(parent)
}

// become takes over another key's state.
func (k *lagKey) become(other *lagKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.estimate, k.firsts, k.budget, k.readTime = other.estimate, other.firsts, other.budget, other.readTime
	k.flows.Store(other.flows.Load())
	k.table.Store(nil)
}
