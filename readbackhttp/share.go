package readbackhttp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/recent"
)

// Share lets a [Transport] know what was written through others: those of a service
// that runs in several copies, or of proxies behind a balancer. They need the same
// Secret, the same Scope, and carriers that reach each other.
//
// What they tell each other are notes of 60 bytes: HMACs under the secret of URL and
// caller, never a URL, a credential, an id or a token. Each counts the time from a
// note's arrival by its own clock. Notes that were lost leave the others as they are
// without sharing; ones that come twice, or after later ones of the same sender, are
// dropped. At most 10,000 a second are sent, and as many heeded. What a read has
// shown is not shared.
//
// Somebody who can publish but has no secret can repeat notes. All who have heard of
// their sender since drop them: at most, a Transport that has just begun to listen delays a
// 404 by the window of one write. Nothing is forgotten by them. Flooding the carrier has the
// same effect as cutting it.
type Share struct {
	// Carrier carries the notes. It is this Transport's alone. Nil means that
	// nothing is shared.
	Carrier Carrier

	// Secret keys the hashes: 16 bytes or more, and the same for all.
	Secret []byte
}

// Carrier carries notes from one [Transport] to all others. It may lose them, and
// carry them twice. Package natsstore/natsshare has one by NATS.
type Carrier interface {
	// Send hands a note to the others. It must not block, nor keep the note. The
	// notes are sent one at a time. An error says that the note is lost; nobody logs
	// it but the carrier.
	Send(note []byte) error

	// Receive makes the carrier call this function with each note that comes, also
	// with its own if it cannot tell, for as long as the carrier lives. The function
	// does not block nor keep the note, and is safe for concurrent use. It is called
	// once, by [NewTransport].
	Receive(take func(note []byte))

	// Sync waits until the notes that were sent here are out, and those that others had
	// sent and synced before the call were taken: then no read comes before its note. A
	// carrier that cannot know this returns at once, and so does one that is cut off just
	// now. Errors change nothing. Sync is called at the end of each write, and of each
	// read that finds nothing and is not covered; its ctx ends after half a second.
	Sync(ctx context.Context) error
}

const (
	leastSecret    = 16
	notesPerSecond = 10_000
	syncTime       = 500 * time.Millisecond
	mostSenders    = 1024
)

// sharing is what a Transport tells others and learns from them. A nil one is silent.
type sharing struct {
	carrier Carrier
	seal    []byte // key of the seals
	self    uint64
	memory  *recent.Memory
	lists   *lists
	heeded  *rate.Limiter

	sending sync.Mutex // notes go out in the order of their counts
	count   uint64
	allowed *rate.Limiter

	mu      sync.Mutex
	senders map[uint64]*sender
	floor   uint64 // a note that forgets counts only above it
}

// sender is another Transport.
type sender struct {
	count uint64 // of the last note
	heard time.Time
}

// subkey returns a key for one purpose.
func subkey(secret []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("readback " + purpose))
	return mac.Sum(nil)
}

func newSharing(s Share, memory *recent.Memory, lists *lists) *sharing {
	var self [8]byte
	_, _ = rand.Read(self[:]) // never fails
	return &sharing{
		carrier: s.Carrier, seal: subkey(s.Secret, "seal"), self: binary.LittleEndian.Uint64(self[:]),
		memory: memory, lists: lists,
		heeded: rate.NewLimiter(notesPerSecond, notesPerSecond), allowed: rate.NewLimiter(notesPerSecond, notesPerSecond),
		senders: make(map[uint64]*sender), floor: counted(time.Now()),
	}
}

func counted(at time.Time) uint64 { return uint64(max(at.UnixMicro(), 0)) }

// tell sends a note, unless there have been too many.
func (s *sharing) tell(n note) {
	if s == nil {
		return
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	if !s.allowed.Allow() {
		return
	}
	// The counts of a sender go up. That they are times lets those who hear of it
	// for the first time tell what was sent before they listened.
	s.count = max(s.count+1, counted(time.Now()))
	n.sender, n.count = s.self, s.count
	_ = s.carrier.Send(n.sealed(s.seal)) // the carrier tells
}

// sync waits for what is on its way, for a moment.
func (s *sharing) sync(ctx context.Context) {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, syncTime)
	defer cancel()
	_ = s.carrier.Sync(ctx)
}

// heed does what a note of another says.
func (s *sharing) heed(raw []byte) {
	n, ok := readNote(raw, s.seal)
	if !ok || n.sender == s.self || !s.isNews(&n) || !s.heeded.Allow() {
		return
	}
	now := time.Now()
	w := recent.Write{At: now, Class: n.class, Deleted: n.kind == noteDeleted}
	switch n.kind {
	case noteWrote, noteDeleted:
		s.memory.RememberAt(recent.Mark(n.about), recent.Reach(n.reach), w)
	case noteCleared:
		forget := s.memory.ClearAt
		if n.reach != 0 {
			forget = s.memory.ForgetAt
		}
		forget(recent.Mark(n.about))
	case noteListed:
		s.lists.add(n.about, entry{recent.Space(n.space), n.id, now, consistency.Class(n.class), s.memory.Writes(), n.reach != 0})
	case noteUnlisted:
		s.lists.remove(recent.Space(n.space), n.id)
	}
}

// isNews reports whether a note is neither a repetition nor too late, and notes its
// sender. One that forgets something must have been sent since this Transport began
// to listen, as far as the clocks agree.
func (s *sharing) isNews(n *note) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.senders[n.sender]
	if from == nil {
		if len(s.senders) >= mostSenders {
			s.dropSender()
		}
		from = &sender{}
		s.senders[n.sender] = from
	}
	if n.count <= from.count {
		return false
	}
	from.count, from.heard = n.count, time.Now()
	return !n.forgets() || n.count > s.floor
}

// dropSender drops the one not heard of for the longest time. What it sent before
// makes nobody forget when it is repeated.
func (s *sharing) dropSender() {
	var oldest uint64
	var found *sender
	for id, from := range s.senders {
		if found == nil || from.heard.Before(found.heard) {
			oldest, found = id, from
		}
	}
	delete(s.senders, oldest)
	s.floor = max(s.floor, found.count)
}
