//go:build postgres

package readbackpgx_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/readbackpgx"
)

// chaos has clients write while connections, answers and servers are lost, and has
// the database judge at the end what they were told.
type chaos struct {
	*testing.T
	site  *site
	proxy *pgtest.Proxy
	table string
	kills atomic.Int64

	lost atomic.Int64 // answers to COMMIT
}

// disturb harms what it can until ctx ends, and heals everything then.
func (c *chaos) disturb(ctx context.Context) {
	c.proxy.Rule(func(m pgtest.Message) pgtest.Fault {
		switch n := rand.N(100); {
		case m.IsCommit() && n < 10:
			return pgtest.Fault{Lost: true}
		case m.IsCommit() && n < 16:
			return pgtest.Fault{Unsent: true}
		case m.IsCommit() && n < 22:
			return pgtest.Fault{Delay: 200 * time.Millisecond}
		case m.IsCommit() && n < 24:
			return pgtest.Fault{Silent: true}
		case m.IsCommit():
		case n < 1:
			return pgtest.Fault{Unsent: true}
		}
		return pgtest.Fault{}
	})
	defer c.proxy.Rule(nil)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(250 * time.Millisecond):
		}
		switch n % 4 {
		case 0:
			_, _ = c.site.primary.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND random() < 0.5")
		case 1:
			c.proxy.Cut()
		case 2:
			if c.site.standbys[0].Pause() == nil {
				time.Sleep(200 * time.Millisecond)
				assert.NoError(c, c.site.standbys[0].Resume())
			}
		case 3:
			c.kills.Add(1)
			assert.NoError(c, c.site.primary.Kill())
			assert.NoError(c, c.site.primary.Up())
		}
	}
}

// verdict is what a client was told of one write.
type verdict struct {
	token   string
	outcome consistency.Outcome
	reads   int
	elapsed time.Duration
	err     error
}

// run makes the writes, and returns what was told of them.
func (c *chaos) run(writes int, create func(token string) flow) []verdict {
	ctx, stop := context.WithCancel(context.Background())
	var harm, clients sync.WaitGroup
	harm.Go(func() { c.disturb(ctx) })
	var mu sync.Mutex
	var told []verdict
	work := make(chan string)
	for range 12 {
		clients.Go(func() {
			for token := range work {
				f := create(token)
				f.MineValue = func(_ written, n *note) bool { return n.Token == token }
				policy := quick
				policy.Within = 90 * time.Second
				policy.Observer = func(e consistency.Event) {
					if e.Phase == consistency.PhaseWrite && e.Class == consistency.Ambiguous {
						c.lost.Add(1)
					}
				}
				res, err := consistency.Do(context.Background(), policy, f)
				if res.Outcome == consistency.Confirmed {
					assert.Equal(c, token, res.Value.Token)
				}
				mu.Lock()
				told = append(told, verdict{token, res.Outcome, res.History.Reads(), res.Elapsed, err})
				mu.Unlock()
				if res.Outcome == consistency.Failed {
					time.Sleep(50 * time.Millisecond) // not all while the server is away
				}
			}
		})
	}
	for n := 0; n < writes || c.kills.Load() == 0; n++ { // a fast machine is done before the first kill
		work <- fmt.Sprintf("token%d", n)
	}
	close(work)
	clients.Wait()
	stop()
	harm.Wait()
	return told
}

// judge compares what was told with what the database holds.
func (c *chaos) judge(told []verdict) {
	must(c, c.site.primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
	require.Eventually(c, func() bool {
		return must(c, c.site.primary, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND xact_start IS NOT NULL") == "0"
	}, time.Minute, 20*time.Millisecond)
	held := make(map[string]int)
	for _, token := range strings.Fields(must(c, c.site.primary, "SELECT token FROM "+c.table)) {
		held[token]++
	}
	count := make(map[consistency.Outcome]int)
	var false_, double int
	var reads []int
	var took []time.Duration
	for _, v := range told {
		count[v.outcome]++
		if held[v.token] > 1 {
			double++
		}
		switch {
		case v.outcome == consistency.Confirmed && held[v.token] == 0, v.outcome == consistency.Failed && held[v.token] > 0:
			false_++
			c.Errorf("false outcome: %s %v, %d rows: %v", v.token, v.outcome, held[v.token], v.err)
		case v.outcome == consistency.Unconfirmed:
			c.Errorf("unconfirmed, %d rows: %v", held[v.token], v.err)
		}
		if v.outcome == consistency.Confirmed {
			reads, took = append(reads, v.reads), append(took, v.elapsed)
		}
	}
	slices.Sort(reads)
	slices.Sort(took)
	c.Logf("writes=%d confirmed=%d failed=%d unconfirmed=%d false=%d double=%d commits-unanswered=%d kills=%d reads p50=%d p99=%d, seen after p50=%v p99=%v",
		len(told), count[consistency.Confirmed], count[consistency.Failed], count[consistency.Unconfirmed], false_, double, c.lost.Load(), c.kills.Load(),
		reads[len(reads)/2], reads[len(reads)*99/100], took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond))
	assert.Zero(c, false_)
	assert.Zero(c, double)
	assert.Zero(c, count[consistency.Unconfirmed], "the primary came back")
	assert.Positive(c, c.kills.Load())
}

func newChaos(t *testing.T) *chaos {
	s := start(t, pgtest.Options{}, pgtest.Options{}, pgtest.Options{Settings: []string{"recovery_min_apply_delay = '200ms'"}})
	c := &chaos{T: t, site: s, table: table(t, s.primary), proxy: proxy(t, s.primary)}
	return c
}

func TestCreate_chaos(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	primary, standbys := pool(t, c.proxy.DSN()), pool(t, c.site.standbyDSNs()...)
	c.judge(c.run(1000, func(token string) flow {
		return readbackpgx.Create("note", primary, standbys, insert(c.table, token), get(c.table))
	}))
}

func TestCreateSQL_chaos(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	primary, standbys := db(t, pool(t, c.proxy.DSN())), db(t, pool(t, c.site.standbyDSNs()...))
	c.judge(c.run(200, func(token string) flow {
		return readbackpgx.CreateSQL("note", primary, standbys, insertSQL(c.table, token), getSQL(c.table))
	}))
}

// Learned read times notice the delay of a standby with fewer reads, and sooner.
func TestCreate_learned(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{}, pgtest.Options{Settings: []string{"recovery_min_apply_delay = '300ms'"}})
	table := table(t, s.primary)
	primary, standby := pool(t, s.primary.DSN()), pool(t, s.standbys[0].DSN())
	measure := func(policy consistency.Policy) (reads int, late time.Duration) {
		var mu sync.Mutex
		var clients sync.WaitGroup
		for client := range 4 {
			clients.Go(func() {
				for n := range 20 {
					res, err := consistency.Do(t.Context(), policy, readbackpgx.Create("note", primary, standby, insert(table, fmt.Sprint(client, n)), get(table)))
					if assert.NoError(t, err) && n >= 10 {
						mu.Lock()
						reads += res.History.Reads()
						late += res.Elapsed
						mu.Unlock()
					}
				}
			})
		}
		clients.Wait()
		return reads, late / 40
	}
	learned := readback.NewLearned(readback.LearnedOptions{Reads: 3})
	reads, took := measure(consistency.Policy{})
	learnedReads, learnedTook := measure(consistency.Policy{Schedule: learned})
	t.Logf("a standby 300 ms behind, 40 writes: by backoff %d reads, seen after %v; learned %d reads, seen after %v",
		reads, took.Round(time.Millisecond), learnedReads, learnedTook.Round(time.Millisecond))
	assert.Less(t, learnedReads, reads)
}
