package natsstore

import "time"

// LookSeldom has those who watch wait for word alone. It must be called before
// anybody watches.
func (s *Store) LookSeldom() { s.anyway = time.Hour }
