//go:build postgres

package readbackpgx_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/pgtest"
	"github.com/readback-go/readback/readbackpgx"
)

// A standby that was promoted, or follows another timeline, has not caught up, however
// far its log is.
func TestAtLSN_otherTimeline(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{}, pgtest.Options{})
	table := table(t, s.primary)
	standby := s.standbys[0]
	require.Eventually(t, func() bool { return must(t, standby, "SELECT to_regclass('"+table+"') IS NOT NULL") == "t" }, time.Minute, 10*time.Millisecond)
	require.NoError(t, standby.Stop())
	primary := pool(t, s.primary.DSN())
	res, err := consistency.Do(t.Context(), quick, readbackpgx.Create("note", primary, primary, insert(table, "mine"), get(table)))
	require.NoError(t, err)
	require.NoError(t, s.primary.Kill())
	require.NoError(t, standby.Up())
	far := fmt.Sprintf("INSERT INTO %s (token) SELECT repeat('x', 100) FROM generate_series(1, 10000)", table)

	look := func(c *pgtest.Cluster) error {
		_, err := readbackpgx.AtLSN(pool(t, c.DSN()), get(table))(t.Context(), res.Written)
		return err
	}
	assert.ErrorContains(t, look(standby), "has not reached the position yet")
	require.NoError(t, standby.Promote())
	must(t, standby, far)
	assert.ErrorContains(t, look(standby), "primary of another timeline")
	other, err := standby.Standby(pgtest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() })
	require.Eventually(t, func() bool {
		return strings.Contains(fmt.Sprint(look(other)), "another timeline, 00000002")
	}, time.Minute, 20*time.Millisecond)
}

// Replay stands still: reads are behind, and go on when it does.
func TestAtLSN_paused(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{}, pgtest.Options{}, pgtest.Options{Settings: []string{"recovery_min_apply_delay = '300ms'"}})
	table := table(t, s.primary)
	primary := pool(t, s.primary.DSN())
	require.NoError(t, s.standbys[0].Pause())
	reads := 0
	policy := quick
	policy.Observer = func(e consistency.Event) {
		if e.Phase == consistency.PhaseRead {
			if reads++; reads == 3 {
				assert.NoError(t, s.standbys[0].Resume())
			}
			if reads < 3 {
				assert.Equal(t, consistency.BehindToken, e.Reason)
			}
		}
	}
	res, err := consistency.Do(t.Context(), policy, readbackpgx.Create("note", primary, pool(t, s.standbys[0].DSN()), insert(table, "mine"), get(table)))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, reads, 3)
	_, err = readbackpgx.AtLSN(pool(t, s.standbys[1].DSN()), get(table))(t.Context(), res.Written)
	if err != nil { // the delayed one may be as far by now
		assert.ErrorContains(t, err, "has not reached the position yet")
	}
	res, err = consistency.Do(t.Context(), quick, readbackpgx.Create("note", primary, pool(t, s.standbyDSNs()...), insert(table, "mine"), get(table)))
	require.NoError(t, err)
	assert.Equal(t, "mine", res.Value.Token)
}

// Without the right to see the timeline, nothing is taken for granted.
func TestAtLSN_hiddenTimeline(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{}, pgtest.Options{})
	table := table(t, s.primary)
	must(t, s.primary, "REVOKE pg_read_all_stats FROM app")
	policy := quick
	policy.Within = time.Second
	primary, standby := pool(t, s.primary.DSN()), pool(t, s.standbys[0].DSN())
	res, err := consistency.Do(t.Context(), policy, readbackpgx.Create("note", primary, standby, insert(table, "mine"), get(table)))
	assert.Equal(t, consistency.Unconfirmed, res.Outcome)
	assert.ErrorContains(t, err, "GRANT pg_read_all_stats")
	must(t, s.primary, "CHECKPOINT")
	require.Eventually(t, func() bool { // the disk of the standby has noted it
		must(t, s.standbys[0], "CHECKPOINT")
		_, err := readbackpgx.AtLSN(standby, get(table))(t.Context(), res.Written)
		return err == nil
	}, time.Minute, 50*time.Millisecond)
}

// A read that the standby ends, since it must replay what the read stands in the way
// of, says nothing.
func TestRead_recoveryConflict(t *testing.T) {
	t.Parallel()
	s := start(t, pgtest.Options{}, pgtest.Options{Settings: []string{"max_standby_streaming_delay = 0"}})
	table := table(t, s.primary)
	var told []string
	reads := 0
	policy := quick
	policy.Observer = func(e consistency.Event) {
		if e.Phase == consistency.PhaseRead && e.Code != "" {
			told = append(told, e.Code+" "+string(e.Reason))
		}
	}
	res, err := consistency.Do(t.Context(), policy, readbackpgx.Create("note", pool(t, s.primary.DSN()), pool(t, s.standbys[0].DSN()), insert(table, "mine"),
		func(ctx context.Context, tx pgx.Tx, id int64) (*note, error) {
			n, err := get(table)(ctx, tx, id)
			if reads++; reads == 1 && err == nil {
				must(t, s.primary, "ALTER TABLE "+table+" ADD COLUMN more int")
				_, err = tx.Exec(ctx, "SELECT pg_sleep(30)")
			}
			return n, err
		}))
	require.NoError(t, err)
	assert.Equal(t, "mine", res.Value.Token)
	assert.Contains(t, strings.Join(told, ", "), "unavailable")
}
