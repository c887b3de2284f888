package readbackhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// bus carries notes between Transports in memory, to the sender too.
type bus struct {
	mu    sync.Mutex
	cut   bool
	takes []func([]byte)
	sent  [][]byte
}

func (b *bus) Send(note []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cut {
		return errors.New("cut")
	}
	b.sent = append(b.sent, slices.Clone(note))
	for _, take := range b.takes {
		take(note)
	}
	return nil
}

func (b *bus) Receive(take func([]byte)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.takes = append(b.takes, take)
}

func (b *bus) Sync(context.Context) error { return nil }

func (b *bus) setCut(cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut = cut
}

// replay sends again what was sent, as a stranger can.
func (b *bus) replay(notes [][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, note := range notes {
		for _, take := range b.takes {
			take(note)
		}
	}
}

const shared = "a secret of some length"

// copies returns clients of s over Transports that share.
func copies(s *server, b readbackhttp.Carrier, n int, options readbackhttp.TransportOptions) (clients []*http.Client) {
	options.Share = readbackhttp.Share{Carrier: b, Secret: []byte(shared)}
	for range n {
		clients = append(clients, s.over(options))
	}
	return clients
}

// Create here, get there, a thousand callers at once, each by another Transport for
// each request: without sharing two thirds of the first reads are early 404s, with it
// none, and while the carrier is cut it is as without it.
func TestShare_roundRobin(t *testing.T) {
	const callers = 1000
	for _, tt := range []struct {
		name        string
		shares, cut bool
		early       int
	}{
		{"apart", false, false, 2 * callers / 3},
		{"shared", true, false, 0},
		{"cut", true, true, 2 * callers / 3},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			s := lagsBy(t, 1500*time.Millisecond)
			b := &bus{}
			clients := []*http.Client{s.over(slowly), s.over(slowly), s.over(slowly)}
			if tt.shares {
				clients = copies(s, b, 3, slowly)
			}
			round := func() (early int) {
				var turn, found atomic.Int32
				var group sync.WaitGroup
				for i := range callers {
					group.Go(func() {
						// A third of the reads go where the write went.
						at := int(turn.Add(1))
						who := fmt.Sprint("Authorization: ", i)
						got, err := ask(t.Context(), clients[at%3], "POST", api+"/things", who)
						assert.NoError(t, err)
						id := strings.TrimSuffix(strings.TrimPrefix(got, `201 {"id":`), "}")
						got, err = ask(t.Context(), clients[(at+at/3)%3], "GET", api+"/things/"+id, who)
						assert.NoError(t, err)
						if got == "404" {
							found.Add(1)
						}
					})
				}
				group.Wait()
				return int(found.Load())
			}
			b.setCut(tt.cut)
			assert.InDelta(t, tt.early, round(), 1)
			b.setCut(false)
			if tt.shares {
				assert.Zero(t, round(), "once it is whole")
			}
		})
	}
}

// lagsBy makes things whose reads are 404 for a while.
func lagsBy(t *testing.T, lag time.Duration) *server {
	var mu sync.Mutex
	made := map[string]time.Time{}
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch at, ok := made[r.URL.Path]; {
		case r.Method == "POST":
			id := fmt.Sprint(len(made) + 1)
			made["/things/"+id] = time.Now()
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"id":`+id+`}`)
		case !ok || time.Since(at) < lag:
			w.WriteHeader(404)
		}
	}))
}

// All that one Transport knows of a write another knows too, but for what reads showed.
func TestShare_kinds(t *testing.T) {
	t.Parallel()
	options := slowly
	options.Routes = []readbackhttp.Route{{Write: "POST /p/{p}/things", Lists: []string{"/p/{p}/things"}}}
	tests := []struct {
		name   string
		writes []string // each by another Transport, with the answer
		read   string
		want   bool
	}{
		{"an id", []string{`POST /things 201 | {"id":7}`}, "/things/7", true},
		{"any query", []string{`POST /things 201 | {"id":7}`}, "/things/7?x=1", true},
		{"below", []string{`POST /things 201 | {"id":7}`}, "/things/7/parts", true},
		{"an update", []string{`PUT /a 204`}, "/a", true},
		{"an update, another query", []string{`PUT /a 204`}, "/a?x=1", false},
		{"an update with a query", []string{`PUT /a?x=1 204`}, "/a?x=1", true},
		{"ambiguous", []string{`PUT /a 503`}, "/a", true},
		{"beside it", []string{`PUT /a 204`}, "/b", false},
		{"deleted", []string{`PUT /a 204`, `DELETE /a 204`}, "/a", false},
		{"deleted above", []string{`PUT /a/b 204`, `DELETE /a 204`}, "/a/b", false},
		{"deleted, and made again", []string{`PUT /a 204`, `DELETE /a 204`, `PUT /a 204`}, "/a", true},
		{"deleted with a query", []string{`PUT /a/b 204`, `DELETE /a/b?force=true 204`}, "/a/b", false},
		{"deleted above with a query", []string{`PUT /a/b 204`, `DELETE /a?force=true 204`}, "/a/b", false},
		{"moved away", []string{`PUT /a/b 204`, `MOVE /a 201`}, "/a/b", false},
		{"a list, deleted above", []string{`POST /p/1/things 201 | {"id":7}`, `DELETE /p/1 204`}, "/p/1/things", false},
		{"cleared", []string{`PUT /a/b 204`, `POST /a 200`}, "/a/b", false},
		{"a list", []string{`POST /p/1/things 201 | {"id":7}`}, "/p/1/things", true},
		{"a list, deleted from", []string{`POST /p/1/things 201 | {"id":7}`, `DELETE /p/1/things/7 204`}, "/p/1/things", false},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			reads := 0
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "GET" {
					answer(w, r.Header.Get("X-Answer"))
					return
				}
				reads++
				switch list := strings.HasSuffix(r.URL.Path, "/things"); {
				case list && reads == 1:
					answer(w, "200 | []")
				case list:
					answer(w, "200 | [7]")
				case reads == 1:
					answer(w, "404")
				}
			}))
			clients := copies(s, &bus{}, 4, options)
			for i, write := range tt.writes {
				method, rest, _ := strings.Cut(write, " ")
				path, text, _ := strings.Cut(rest, " ")
				_, err := ask(t.Context(), clients[i], method, api+path, "X-Answer: "+text)
				require.NoError(t, err)
				time.Sleep(time.Millisecond)
			}
			_, err := ask(t.Context(), clients[3], "GET", api+tt.read)
			require.NoError(t, err)
			assert.Equal(t, tt.want, reads == 2)
		})
	}
}

// What one caller wrote does not hold up another; nor do those with another secret
// hear of it.
func TestShare_callersStayApart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, lagging(""))
		b := &bus{}
		clients := copies(s, b, 2, slowly)
		options := slowly
		options.Share = readbackhttp.Share{Carrier: b, Secret: []byte("another secret, as long")}
		stranger := s.over(options)
		answered(t, "204", clients[0], "PUT", api+"/a", "Authorization: one")
		assert.False(t, held(t, clients[1], api+"/a", "Authorization: two"))
		assert.False(t, held(t, stranger, api+"/a", "Authorization: one"))
	})
}

// No note has anything of a URL, an id, a credential or the secret.
func TestShare_notesAreBlind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, answersThenLags(`201 | {"id":"plain-id"}`))
		b := &bus{}
		options := slowly
		options.Routes = []readbackhttp.Route{{Write: "POST /plain-path", Lists: []string{"/plain-path"}}}
		client := copies(s, b, 1, options)[0]
		answered(t, `201 {"id":"plain-id"}`, client, "POST", api+"/plain-path", "Authorization: plain-key")
		_, err := ask(t.Context(), client, "DELETE", api+"/plain-path/plain-id", "Authorization: plain-key")
		require.NoError(t, err)
		require.Len(t, b.sent, 4)
		for _, note := range b.sent {
			assert.Len(t, note, 60)
			assert.NotContains(t, string(note), "plain")
			assert.NotContains(t, string(note), shared[:8])
		}
	})
}

// A stranger who sends again what was sent makes nobody forget, and holds a read no
// longer than the window of one write.
func TestShare_strangerMakesNobodyForget(t *testing.T) {
	t.Parallel()
	late := func(b *bus, s *server) *http.Client { return copies(s, b, 1, slowly)[0] }
	bubble(t, "a deletion, to those who heard it", func(t *testing.T) {
		lags := lagging("")
		s, b := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "PUT" {
				w.WriteHeader(201)
				return
			}
			lags.ServeHTTP(w, r)
		})), &bus{}
		clients := copies(s, b, 3, slowly)
		time.Sleep(time.Millisecond)
		answered(t, "204", clients[0], "DELETE", api+"/a")
		time.Sleep(time.Millisecond)
		answered(t, "201", clients[1], "PUT", api+"/a")
		b.replay(b.sent[:1])
		for i, client := range clients { // its sender among them
			assert.True(t, held(t, client, fmt.Sprint(api, "/a/", i)), "%d", i)
		}
	})
	bubble(t, "a deletion, to one who listens since", func(t *testing.T) {
		s, b := serve(t, lagging("")), &bus{}
		clients := copies(s, b, 1, slowly)
		answered(t, "204", clients[0], "DELETE", api+"/a")
		old := slices.Clone(b.sent)
		time.Sleep(time.Second)
		newcomer := late(b, s)
		answered(t, "204", newcomer, "PUT", api+"/a")
		b.replay(old)
		assert.True(t, held(t, newcomer, api+"/a"))
	})
	bubble(t, "a write, to one who listens since", func(t *testing.T) {
		m := newModel(time.Hour)
		b := &bus{}
		options := slowly
		options.Share = readbackhttp.Share{Carrier: b, Secret: []byte(shared)}
		first := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
		answered(t, "204", first, "PUT", api+"/a")
		time.Sleep(time.Hour)
		newcomer := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
		for range 100 {
			b.replay(b.sent)
			time.Sleep(100 * time.Millisecond)
		}
		start := time.Now()
		m.mu.Lock()
		m.shown = start.Add(time.Hour)
		m.mu.Unlock()
		answered(t, "404 none", newcomer, "GET", api+"/a")
		assert.LessOrEqual(t, time.Since(start), 30*time.Second, "the window of one write")
	})
	bubble(t, "a forgery", func(t *testing.T) {
		s, b := serve(t, lagging("")), &bus{}
		clients := copies(s, b, 2, slowly)
		answered(t, "204", clients[0], "PUT", api+"/a")
		forged := slices.Clone(b.sent[0]) // a later deletion of the same
		forged[17], forged[30] = 2, forged[30]+1
		b.replay([][]byte{forged})
		assert.True(t, held(t, clients[1], api+"/a"))
	})
	bubble(t, "nonsense", func(t *testing.T) {
		s, b := serve(t, lagging("")), &bus{}
		clients := copies(s, b, 2, slowly)
		answered(t, "204", clients[0], "PUT", api+"/a")
		whole := b.sent[0]
		var notes [][]byte
		for i := range whole {
			changed := slices.Clone(whole)
			changed[i] ^= 1
			notes = append(notes, whole[:i], changed)
		}
		notes = append(notes, nil, append(slices.Clone(whole), 0), make([]byte, 1<<20))
		b.replay(notes)
		assert.True(t, held(t, clients[1], api+"/a"))
	})
}

// Others' writes are bounded as one's own: in number, and in rate.
func TestShare_bounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s, b := serve(t, lagging("")), &bus{}
		options := slowly
		options.MaxWrites = 10
		clients := copies(s, b, 2, options)
		const burst = 10_000
		transport := transport(func(req *http.Request) (*http.Response, error) { return reply(req, 204, ""), nil })
		options.Share = readbackhttp.Share{Carrier: b, Secret: []byte(shared)}
		fast := &http.Client{Transport: readbackhttp.NewTransport(transport, options)}
		for i := range burst + 50 {
			_, err := ask(t.Context(), fast, "PUT", fmt.Sprint(api, "/", i))
			require.NoError(t, err)
		}
		assert.Len(t, b.sent, burst, "in one moment")
		assert.False(t, held(t, clients[1], fmt.Sprint(api, "/", burst-11)), "of more than ten")
		other := &http.Client{Transport: readbackhttp.NewTransport(transport, options)}
		_, err := ask(t.Context(), other, "PUT", api+"/other")
		require.NoError(t, err)
		assert.Len(t, b.sent, burst+1, "each has a rate of its own")
		assert.False(t, held(t, clients[1], api+"/other"), "and so has who listens")
		assert.True(t, held(t, clients[1], fmt.Sprint(api, "/", burst-1)))
		time.Sleep(time.Second)
		_, err = ask(t.Context(), other, "PUT", api+"/other/2")
		require.NoError(t, err)
		assert.True(t, held(t, clients[1], api+"/other/2"))
	})
}

// Time counts from the note's arrival.
func TestShare_timeCountsFromArrival(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newModel(time.Hour)
		b := &bus{}
		options := slowly
		options.Share = readbackhttp.Share{Carrier: b, Secret: []byte(shared)}
		first := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
		second := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
		answered(t, "204", first, "PUT", api+"/a")
		time.Sleep(10 * time.Second)
		answered(t, "404 none", second, "GET", api+"/a")
		assert.Equal(t, 30*time.Second, time.Since(m.start).Round(10*time.Millisecond))
	})
}

// slowBus carries notes a while after they were sent, unless somebody waits for them.
type slowBus struct {
	bus
	waits bool
}

func (b *slowBus) Send(note []byte) error {
	note = slices.Clone(note)
	time.AfterFunc(30*time.Millisecond, func() { _ = b.bus.Send(note) })
	return nil
}

func (b *slowBus) Sync(ctx context.Context) error {
	if !b.waits {
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(40 * time.Millisecond)
	return nil
}

// A read that would come before its note waits for it, and one of what nobody wrote
// no longer than the carrier needs.
func TestShare_readWaitsForItsNote(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		waits bool
		token readbackhttp.Token
		took  time.Duration
	}{{true, nil, 40 * time.Millisecond}, {false, nil, 500 * time.Millisecond}, {true, readbackhttp.Mittwald(), 40 * time.Millisecond}} {
		bubble(t, fmt.Sprint(tt), func(t *testing.T) {
			m := newModel(1500 * time.Millisecond)
			b := &slowBus{waits: tt.waits}
			options := slowly
			options.Token = tt.token
			options.Share = readbackhttp.Share{Carrier: b, Secret: []byte(shared)}
			one := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
			other := &http.Client{Transport: readbackhttp.NewTransport(m, options)}
			var group sync.WaitGroup
			group.Go(func() { answered(t, "204", one, "PUT", api+"/a") })
			synctest.Wait()
			answered(t, "200 new", other, "GET", api+"/a")
			group.Wait()
			m.mu.Lock()
			m.shown = time.Now().Add(time.Hour)
			m.mu.Unlock()
			start := time.Now()
			answered(t, "404 none", other, "GET", api+"/b")
			assert.Equal(t, tt.took, time.Since(start))
		})
	}
}

func TestShare_invalid(t *testing.T) {
	t.Parallel()
	for name, share := range map[string]readbackhttp.Share{
		"no carrier": {Secret: []byte(shared)}, "no secret": {Carrier: &bus{}}, "a short secret": {Carrier: &bus{}, Secret: []byte("s3cret")},
	} {
		client := &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{Share: share})}
		_, err := client.Get(api)
		require.ErrorIs(t, err, consistency.ErrInvalid, name)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}
