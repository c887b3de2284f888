package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

// worker is a process that submits jobs until it is killed. It reads the numbers of jobs, one
// in a line, and writes a line when the store has a job. At the end of its input, it goes on
// until no job is pending, and then ends.
type worker struct {
	service string
	dir     string
	dsn     string
	peers   string
	node    int
	lease   time.Duration
	delay   time.Duration
	earlier bool // it is of the version before
	buggy   bool
}

const (
	folderLease  = time.Second
	clusterLease = 15 * time.Second
)

func (w worker) run(ctx context.Context, in io.Reader, out io.Writer) error {
	store, box, stop, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer stop()
	jobs, err := w.desk(store, out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { jobs.Run(ctx) })
	running.Go(func() { jobs.redrive(ctx) })
	defer running.Wait()
	defer cancel()
	fmt.Fprintln(out, "ready")

	var lines sync.Mutex
	var submitting sync.WaitGroup
	for scanner := bufio.NewScanner(in); scanner.Scan(); {
		n, err := strconv.Atoi(scanner.Text())
		if err != nil {
			return err
		}
		submitting.Go(func() {
			if err := box.keepOr(ctx, jobs, n); err != nil {
				return
			}
			lines.Lock()
			defer lines.Unlock()
			fmt.Fprintln(out, "kept", n)
		})
	}
	if w.peers != "" {
		return nil // the input of a node ends only when its parent has died
	}
	submitting.Wait()
	return drain(ctx, store, jobs)
}

// telling returns a logger that writes each warning to the parent, as one line.
func telling(out io.Writer) *zap.Logger {
	encoder := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "message"})
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), zap.WarnLevel)
	return zap.New(core)
}

// keep has the store keep a job. It enqueues every other job, and waits for the outcome of
// the rest.
func keep(ctx context.Context, jobs desk, n int) error {
	if n%2 == 0 {
		return jobs.enqueue(ctx, n)
	}
	res, err := jobs.submit(ctx, n)
	if res.Outcome != 0 && !res.Ended.IsZero() {
		return nil
	}
	return err
}

// drain returns when no job is pending, whoever has it.
func drain(ctx context.Context, store submit.Store, jobs desk) error {
	for {
		jobs.redrive(ctx)
		pending, err := countPending(ctx, store)
		if err == nil && pending == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func countPending(ctx context.Context, store submit.Store) (n int, err error) {
	for _, err := range store.List(ctx, submit.KindJob) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// open opens the worker's store. If the worker is a node of a cluster, the node is started
// first. The outbox is nil if the store has none.
func (w worker) open(ctx context.Context) (store submit.Store, box *outbox, stop func(), err error) {
	if w.dsn != "" {
		pool, store, err := openPostgres(ctx, w.dsn)
		if err != nil {
			return nil, nil, nil, err
		}
		return store, &outbox{pool, store}, func() {
			store.Close()
			pool.Close()
		}, nil
	}
	if w.peers == "" {
		store, err := natsstore.Open(ctx, natsstore.Options{Dir: w.dir, Timeout: time.Minute})
		if err != nil {
			return nil, nil, nil, err
		}
		return store, nil, func() { store.Close() }, nil
	}
	node, err := w.serve()
	if err != nil {
		return nil, nil, nil, err
	}
	stop = func() {
		node.Shutdown()
		node.WaitForShutdown()
	}
	there, err := openCluster(ctx, clients(w.peers))
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return there, nil, func() {
		there.Close()
		stop()
	}, nil
}

// openCluster opens the store of a cluster that may still be electing a leader.
func openCluster(ctx context.Context, urls string) (store *natsstore.Store, err error) {
	for range 60 {
		if store, err = natsstore.Open(ctx, natsstore.Options{URL: urls}); err == nil || ctx.Err() != nil {
			return store, err
		}
		time.Sleep(250 * time.Millisecond)
	}
	return nil, err
}

func (w worker) serve() (*server.Server, error) {
	ports, err := parsePeers(w.peers)
	if err != nil {
		return nil, err
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: fmt.Sprintf("n%d", w.node),
		Host:       "127.0.0.1", Port: ports[w.node].client,
		NoLog: true, NoSigs: true, JetStream: true, StoreDir: w.dir, SyncAlways: true,
		Cluster: server.ClusterOpts{Name: "crashtest", Host: "127.0.0.1", Port: ports[w.node].route},
		Routes:  server.RoutesFromStr(routes(ports)),
	})
	if err != nil {
		return nil, err
	}
	srv.Start()
	if !srv.ReadyForConnections(time.Minute) {
		return nil, errors.New("the node does not start")
	}
	return srv, nil
}

// peer is one node of the cluster.
type peer struct{ client, route int }

// parsePeers reads "client:route" pairs with commas between them.
func parsePeers(text string) (peers []peer, err error) {
	for pair := range strings.SplitSeq(text, ",") {
		var p peer
		if _, err := fmt.Sscanf(pair, "%d:%d", &p.client, &p.route); err != nil {
			return nil, fmt.Errorf("peer %q: %w", pair, err)
		}
		peers = append(peers, p)
	}
	return peers, nil
}

func routes(peers []peer) string {
	var urls []string
	for _, p := range peers {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", p.route))
	}
	return strings.Join(urls, ",")
}

// clients returns the URLs that clients use.
func clients(text string) string {
	peers, _ := parsePeers(text) // the parent made it
	var urls []string
	for _, p := range peers {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", p.client))
	}
	return strings.Join(urls, ",")
}
