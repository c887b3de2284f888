package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// A worker is this binary, started again.
func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) != "" {
		if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestRun_folder(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-rounds", "8", "-jobs", "3"}, nil, &out, &out), "%s", &out)
	assert.Contains(t, out.String(), "rounds=8 deploys=")
	assert.Contains(t, out.String(), " jobs=24 ")
	assert.Contains(t, out.String(), "failed=0 lost=0 double-writes=0 wrong-outcome=0 ")
}

func TestRun_arguments(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"-rounds and -jobs must be at least": {"-rounds", "0"},
		"unexpected argument":                {"x"},
		"-disk does not go with":             {"-disk", "-cluster"},
		"flag provided but not ":             {"-x"},
	} {
		var out bytes.Buffer
		require.ErrorContains(t, run(t.Context(), args, nil, &out, &out), want)
	}
}

// The audit sees what is lost, sent twice or told wrong.
func TestAudit(t *testing.T) {
	t.Parallel()
	w, err := openWorld()
	require.NoError(t, err)
	t.Cleanup(w.close)
	store := submit.NewMemory()
	c := client{url: w.url}
	jobs, err := c.submitter(store, options{})
	require.NoError(t, err)
	res, err := jobs.Submit(t.Context(), keyOf(0), orderOf(0))
	require.NoError(t, err)
	require.Equal(t, consistency.Confirmed, res.Outcome)

	good, err := audit(t.Context(), w, store, []int{0})
	require.NoError(t, err)
	require.NoError(t, good.report(&bytes.Buffer{}, "", time.Now()))

	lost, err := audit(t.Context(), w, store, []int{0, 1})
	require.NoError(t, err)
	assert.Equal(t, 1, lost.lost)

	_, err = c.create(t.Context(), keyOf(0), orderOf(0))
	require.Equal(t, statusError(http.StatusConflict), err, "the name is taken: it is a write all the same")
	double, err := audit(t.Context(), w, store, []int{0})
	require.NoError(t, err)
	assert.Equal(t, 1, double.double)
	require.Error(t, double.report(&bytes.Buffer{}, "", time.Now()))

	elsewhere, err := openWorld()
	require.NoError(t, err)
	t.Cleanup(elsewhere.close)
	wrong, err := audit(t.Context(), elsewhere, store, []int{0})
	require.NoError(t, err)
	assert.Equal(t, 1, wrong.wrong)
}

func TestContradiction(t *testing.T) {
	t.Parallel()
	now := time.Now()
	done := []time.Time{now}
	for _, tt := range []struct {
		outcome  consistency.Outcome
		ended    time.Time
		executed []time.Time
		want     string
	}{
		{consistency.Confirmed, now, done, ""},
		{consistency.Confirmed, now, nil, "it was not carried out"},
		{consistency.Unconfirmed, now, nil, ""},
		{consistency.Unconfirmed, now.Add(-time.Second), done, ""},
		{consistency.Unconfirmed, now.Add(3 * time.Second), done, "it was carried out 3s before"},
		{consistency.Failed, now, nil, "it was not refused"},
		{0, now, nil, "it should have ended"},
	} {
		assert.Equal(t, tt.want, contradiction(tt.outcome, tt.ended, tt.executed))
	}
}

// A worker's jobs are the same whenever they are made, and of whatever version it is, and
// all faults and bugs occur.
func TestOrderOf(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	met := make(map[string]bool)
	for n := range 100 {
		assert.Equal(t, orderOf(n), orderOf(n))
		data, err := json.Marshal(earlierOrderOf(n))
		require.NoError(t, err)
		lifted, err := lift(0, data)
		require.NoError(t, err)
		assert.Equal(t, orderOf(n), lifted)
		seen[orderOf(n).Fault] = true
		met[bugOf(keyOf(n))] = true
	}
	assert.Len(t, seen, 5)
	assert.Len(t, met, len(bugs)+1, "most jobs meet none")
}

// What a bug does to a job is seen, and by whom.
func TestClient_bug(t *testing.T) {
	t.Parallel()
	key := keyOf(7)
	assert.Panics(t, func() { client{buggy: true}.bug(key, bugOf(key)) })
	assert.NotPanics(t, func() { client{}.bug(key, bugOf(key)) })
	assert.NotPanics(t, func() { client{buggy: true}.bug(keyOf(0), "a flow") })
	ended := make(chan bool, 1)
	go func() {
		whole := false
		defer func() { ended <- !whole }()
		client{buggy: true}.bug(keyOf(15), "a read")
		whole = true
	}()
	assert.True(t, <-ended)
}

// A long run in which a fault never happened shows nothing.
func TestFaults(t *testing.T) {
	t.Parallel()
	all := faults{setAside: 1, lifts: 1, deploys: 1}
	long, disk := settings{rounds: enoughRounds}, settings{rounds: enoughRounds, disk: true}
	require.NoError(t, all.missing(long))
	require.ErrorContains(t, all.missing(disk), "full-disks=0")
	for _, none := range []faults{{lifts: 1, deploys: 1}, {setAside: 1, deploys: 1}, {setAside: 1, lifts: 1}} {
		require.Error(t, none.missing(long))
		require.NoError(t, none.missing(settings{rounds: enoughRounds - 1}))
	}
}

func TestStatusError(t *testing.T) {
	t.Parallel()
	w, err := openWorld()
	require.NoError(t, err)
	t.Cleanup(w.close)
	_, err = client{url: w.url}.create(t.Context(), "x", order{Workspace: "x", Fault: "503 never"})
	require.Equal(t, statusError(http.StatusServiceUnavailable), err)
}
