package readbacktest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
	"github.com/readback-go/readback/submit"
)

// In a bubble of testing/synctest a minute takes no time, and requests come exactly
// when they are expected.
func ExampleHandler_AssertAt() {
	var t *testing.T // of your test
	synctest.Test(t, func(t *testing.T) {
		h := readbacktest.NewHandler(readbacktest.Script{Lag: time.Minute})
		post, err := http.NewRequest("POST", "http://api.test/things", strings.NewReader(`{}`))
		require.NoError(t, err)
		ex := readbackhttp.Exchange{Client: &http.Client{Transport: h}, Write: post}

		policy := consistency.Policy{
			Within:   5 * time.Minute,
			Schedule: readback.Backoff{Initial: 40 * time.Second, Max: 40 * time.Second, NoJitter: true},
		}
		readbacktest.Confirm(t, policy, ex.Flow())
		h.AssertAt(t, "POST", 0)
		h.AssertAt(t, "GET /things/{id}", 0, 40*time.Second, 80*time.Second)
	})
}

// A store of your own keeps the contract of submit.Store.
func ExampleTestStore() {
	var t *testing.T // of your test
	readbacktest.TestStore(t, func(*testing.T) (here, there submit.Store) {
		store := submit.NewMemory() // yours: two handles on one empty store
		return store, store
	})
}

// A require of testify leaves a check at once, and only makes the value one to read
// again.
func ExampleC() {
	var t console // in a test: t *testing.T
	client := &api{}
	read := func(ctx context.Context) (*workspace, error) { return client.Get(ctx, "ws-7") }
	readbacktest.Eventually(t, quick, read, func(t *readbacktest.C, ws *workspace) {
		require.NotNil(t, ws)
		require.Equal(t, "active", ws.Status)
		if client.reads < 5 {
			t.Errorf("only %d reads", client.reads)
			t.FailNow() // as require does
		}
		fmt.Println("accepted")
	})
	fmt.Println(client.reads, "reads")
	// Output:
	// accepted
	// 5 reads
}

// A 404 may be behind, or may be an honest one: Reached tells those apart.
func ExampleTokenAnswers() {
	var t console // in a test: t *testing.T
	readbacktest.TestToken(t, readbackhttp.Cosmos(), readbacktest.TokenAnswers{
		Written: [2]consistency.Answer{
			answer(201, "X-Ms-Session-Token", "0:-1#1"), answer(201, "X-Ms-Session-Token", "0:-1#2"),
		},
		Behind:  []consistency.Answer{answer(404, "X-Ms-Substatus", "1002")},
		Reached: []consistency.Answer{answer(404), answer(200)},
	})
	fmt.Println("it is a token")
	// Output: it is a token
}
