package proxy_test

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

var (
	loadFor = flag.Duration("load", 2*time.Second, "how long the load test lasts")
	perSec  = flag.Int("rate", 2000, "requests a second of the load test")
)

// Longer: go test -run underLoad -v ./cmd/readback/internal/proxy -load 20s
//
// Half of the requests are unrelated reads, a quarter writes, and a quarter
// reads of what was just written, which lags by 10 to 60 ms. Requests begin when
// they are due, whether or not those before were answered, but for many that were
// not, and their latency counts from then. Learned is the schedule.
func TestServe_underLoad(t *testing.T) {
	upstream := newService(0)
	upstream.lag = func() time.Duration { return 10*time.Millisecond + rand.N(50*time.Millisecond) }
	url, _ := online(t, upstream, proxy.Options{Learned: readback.NewLearned(readback.LearnedOptions{})})
	client := newClient(t)
	// On a machine that cannot follow, requests wait here, and not at a server that
	// gives up on those whose headers do not come.
	client.Transport.(*http.Transport).MaxConnsPerHost = 64

	var (
		all    tally
		group  sync.WaitGroup
		rounds = int(loadFor.Seconds() * float64(*perSec) / 4)
		open   = make(chan struct{}, 64)
		begun  = time.Now()
	)
	for round := range rounds {
		due := begun.Add(time.Duration(round) * 4 * time.Second / time.Duration(*perSec))
		time.Sleep(time.Until(due))
		for range 2 {
			group.Go(func() { all.add("unrelated read", due, get(client, url+"/static", 200)) })
		}
		open <- struct{}{}
		group.Go(func() {
			defer func() { <-open }()
			at, err := post(client, url+"/things", fmt.Sprint("body ", round))
			all.add("write", due, err)
			if err == nil {
				read := time.Now()
				all.add("read of a write", read, get(client, url+at, 200))
			}
		})
	}
	group.Wait()
	took := time.Since(begun)

	doubles := 0
	for _, n := range upstream.written() {
		if n > 1 {
			doubles++
		}
	}
	t.Logf("%d requests in %v, %.0f/s: %d errors, %d double writes",
		all.n(), took.Round(time.Millisecond), float64(all.n())/took.Seconds(), len(all.errors), doubles)
	for kind, took := range all.took {
		slices.Sort(took)
		t.Logf("%-16s %6d  p50 %8v  p99 %8v  max %8v", kind, len(took), took[len(took)/2].Round(time.Microsecond),
			took[len(took)*99/100].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond))
	}
	assert.Empty(t, all.errors[:min(3, len(all.errors))])
	assert.Zero(t, doubles)
	assert.Equal(t, rounds, len(upstream.written()))
	assert.Equal(t, 4*rounds, all.n())
}

// tally is what came of requests.
type tally struct {
	mu     sync.Mutex
	took   map[string][]time.Duration
	errors []error
}

func (a *tally) add(kind string, begun time.Time, err error) {
	took := time.Since(begun)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.took == nil {
		a.took = make(map[string][]time.Duration)
	}
	a.took[kind] = append(a.took[kind], took)
	if err != nil {
		a.errors = append(a.errors, err)
	}
}

func (a *tally) n() (n int) {
	for _, took := range a.took {
		n += len(took)
	}
	return n
}

func get(client *http.Client, url string, want int) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err = io.Copy(io.Discard, resp.Body); err == nil && resp.StatusCode != want {
		err = fmt.Errorf("GET %s: %d", url, resp.StatusCode)
	}
	return err
}

func post(client *http.Client, url, body string) (location string, err error) {
	resp, err := client.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err = io.Copy(io.Discard, resp.Body); err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("POST %s: %d", url, resp.StatusCode)
	}
	return resp.Header.Get("Location"), err
}
