package play

import (
	"context"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/sim/internal/world"
)

// await waits for a write that somebody else does.
func (f *flow) await() {
	if f.w.Goal == world.Delete { // what is gone cannot be awaited
		f.do()
		return
	}
	f.client = &client{http: f.fresh, goal: f.w.Goal, auth: alice}
	ctx, cancel := context.WithTimeout(context.Background(), f.span(time.Minute))
	ref, _ := f.client.write(ctx, http.MethodPut, "/things/"+world.Standing)
	cancel()
	if ref.ID == "" {
		ref.ID = "ours-1"
	}
	p := f.drawPolicy()
	p.Rules = f.drawRules(false, true)
	if f.w.Wide {
		f.client.habits.watched = true
		f.client.http = readbackhttp.Watch(f.fresh)
		f.wideRules(&p.Rules, false)
	}
	if f.dice.Chance(0.5) {
		p.OnForbidden = f.fresh.onForbidden(f.w)
	}
	c := f.begin("Await", &p)
	c.resumed, c.class = true, consistency.Applied
	want := func(s *Shown) bool { return s != nil && s.Value == "1" }
	if f.w.Goal == world.Create {
		want = nil
	}
	c.matches, c.typed = true, true
	ctx, cancel = f.context(c)
	defer cancel()
	shown, err := consistency.Await(ctx, p, "await", func(ctx context.Context) (*Shown, error) {
		return f.client.read(ctx, ref)
	}, want)
	value := ""
	if shown != nil {
		value = shown.ID + "=" + shown.Value
	}
	c.end(consistency.OutcomeOf(err), err, ref.ID, value)
}
