package play

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/sim/internal/world"
)

// held is what a client of the Transport knows of its write.
type held struct {
	transport *readbackhttp.Transport
	options   readbackhttp.TransportOptions
	covers    bool // a later read of the thing
	moved     bool // perhaps not, since it was redirected
	at        time.Time
	class     consistency.Class
	id        string
	sends     int // calls of RoundTrip to write
}

// transport writes and reads by a plain client over the Transport. Beside alice,
// who writes, bob reads the same URL, and alice another.
func (f *flow) transport() {
	d := f.dice
	f.result.Outcome = consistency.Unconfirmed // for a plain client is told nothing
	f.w.Amnesia = false                        // nobody asks for two reads in a row here
	f.client = &client{goal: f.w.Goal, auth: alice}
	h := &held{options: readbackhttp.TransportOptions{Policy: f.drawPolicy(), HoldDeleted: d.Chance(0.6)}}
	h.options.Policy.Observer, h.options.Policy.Resend = nil, consistency.Resend{}
	f.w.Reads = nil // no rules for reads are asked
	h.options.Policy.Rules = f.drawRules(true, false)
	if f.w.Token {
		h.options.Token = readbackhttp.Mittwald()
	}
	if d.Chance(0.3) {
		h.options.Remember = d.Between(100*time.Millisecond, 5*time.Minute)
	}
	if d.Chance(0.1) {
		h.options.PollsPerSecond = 0.1 + 100*d.Float64()
	}
	if d.Chance(0.5) {
		h.options.Policy.OnForbidden = f.fresh.onForbidden(f.w)
	}
	f.drawHolds(&h.options)
	h.transport = readbackhttp.NewTransport(f.fresh, h.options)
	f.writeOver(h, d.IntN(3))
	if again := len(f.w.Tries) - h.sends; again != 0 && (again < 0 || again > f.parentless(h)) {
		f.violate(DoubleWrite, "the Transport made %d requests of %d writes", len(f.w.Tries), h.sends)
	}
	if h.id == "" {
		h.id = "ours-1"
	}
	for range 1 + d.IntN(3) {
		if d.Chance(0.4) {
			time.Sleep(d.Between(time.Millisecond, 10*time.Second))
		}
		f.readOver(h)
	}
}

// writeOver writes as alice, and again if the answer was lost or 5xx.
func (f *flow) writeOver(h *held, retries int) {
	method, path := http.MethodPost, "/things"
	switch f.w.Goal {
	case world.Update:
		method, path = http.MethodPut, "/things/"+world.Standing
	case world.Delete:
		method, path = http.MethodDelete, "/things/"+world.Standing
	}
	for range 1 + retries {
		ctx, cancel := context.WithTimeout(context.Background(), f.span(5*time.Second))
		req, _ := http.NewRequestWithContext(ctx, method, origin+path, strings.NewReader("value=1"))
		req.Header.Set("Authorization", alice)
		h.sends++
		resp, err := h.transport.RoundTrip(req)
		answered := time.Now() // its body may take longer
		class, at := consistency.Ambiguous, ""
		switch {
		case err == nil:
			class, at = proof(f.w.Goal, f.w.Writes.Said(resp.StatusCode)), resp.Header.Get("Location")
			_, _ = take(resp)
		case world.Unreachable(err):
			class = consistency.NotExecuted
		}
		cancel()
		if class == consistency.Applied || class == consistency.Accepted || class == consistency.Ambiguous && f.w.Goal != world.Create {
			// An update that is redirected covers only what it is redirected to.
			h.moved = err == nil && f.w.Goal == world.Update && resp.StatusCode/100 == 3
			if h.moved && h.covers {
				class = h.class // that of the try before it still covers the thing itself
			}
			if f.w.Goal != world.Create {
				h.covers, h.id = true, world.Standing
			} else if at != "" {
				h.covers, h.id = true, idOf(at)
			}
			h.at, h.class = answered, class
		}
		if err == nil && resp.StatusCode < 500 {
			return
		}
	}
}

// readOver reads: alone, as another, of another thing, or several at once.
func (f *flow) readOver(h *held) {
	switch luck := f.dice.Float64(); {
	case f.oddly(0.1):
		f.strangerReads(h, alice, h.id)
	case luck < 0.15:
		f.strangerReads(h, bob, h.id)
	case luck < 0.30:
		f.strangerReads(h, alice, "ours-77")
	case luck < 0.45:
		var all sync.WaitGroup
		for range 2 + f.dice.IntN(2) {
			read := f.prepare(h)
			all.Add(1)
			go func() {
				defer all.Done()
				read()
			}()
		}
		all.Wait()
	default:
		f.prepare(h)()
	}
}

// strangerReads reads what the write does not cover, or what it does without
// being held: that must not wait.
func (f *flow) strangerReads(h *held, who, id string) {
	policy := h.options.Policy
	c := f.begin("GET of a stranger", &policy)
	ctx, cancel := context.WithTimeout(world.As(context.Background(), c.client), f.span(time.Minute))
	defer cancel()
	off := readbackhttp.Hold{Off: who == alice && id == h.id}
	req, _ := http.NewRequestWithContext(readbackhttp.WithHold(ctx, off), http.MethodGet, origin+"/things/"+id, nil)
	req.Header.Set("Authorization", who)
	resp, err := h.transport.RoundTrip(req)
	if err == nil {
		_, _ = take(resp)
	}
	f.claims = f.claims[:len(f.claims)-1]
	c.client += 1000 // its number is not to be used again
	reads := 0
	for i := range f.w.Looks {
		if f.w.Looks[i].Client == c.client-1000 {
			f.w.Looks[i].Client = c.client
			reads++
		}
	}
	if reads != 1 {
		f.violate(Leak, "a read of %s by %s made %d requests, held for what alice wrote to %s", id, who, reads, h.id)
	}
}

// prepare draws a read of what was written, as a function to call.
func (f *flow) prepare(h *held) func() {
	policy := h.options.Policy
	c := f.begin("GET", &policy)
	own := readbackhttp.Hold{Report: new(readbackhttp.Report)}
	if f.w.Goal == world.Update && f.dice.Chance(0.7) {
		c.matches = true
		own.Match = readbackhttp.HasJSON("/value", 1)
	}
	ctx, cancel := context.WithTimeout(world.As(context.Background(), c.client), f.dice.Between(50*time.Millisecond, 2*time.Minute))
	c.deadline, _ = ctx.Deadline()
	c.resumed, c.id, c.class = true, h.id, h.class
	c.policy.Settle = 1
	c.policy.Within = min(within(&policy, h.class), h.remember())
	if f.oddly(0.3) {
		own.Within = f.odd.Between(10*time.Millisecond, 30*time.Second)
		c.policy.Within = min(own.Within, h.remember())
		c.policy.Windows = consistency.Windows{Forbidden: time.Hour} // none
	}
	if c.zero = h.at; !h.covers {
		c.zero = c.called
	}
	req, _ := http.NewRequestWithContext(readbackhttp.WithHold(ctx, own), http.MethodGet, origin+"/things/"+h.id, nil)
	req.Header.Set("Authorization", alice)
	return func() {
		defer cancel()
		resp, err := h.transport.RoundTrip(req)
		at := time.Now()
		if err == nil {
			_, _ = take(resp)
		}
		c.ended = time.Now()
		c.held = &heldRead{at: at, covered: h.covers, moved: h.moved, status: statusOf(resp), err: err, report: own.Report, options: &h.options}
	}
}

func (h *held) remember() time.Duration {
	if h.options.Remember > 0 {
		return h.options.Remember
	}
	return 2 * time.Minute
}

func statusOf(resp *http.Response) int {
	if resp == nil {
		return 0
	}
	return resp.StatusCode
}
