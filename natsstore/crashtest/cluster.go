package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

const (
	// election is how long a cluster may take to find a new leader.
	election = 10 * time.Second

	// writeDelay delays writes, so that some are not sent yet when the worker is paused.
	writeDelay = 300 * time.Millisecond
)

// overCluster runs three workers, each of which is also a node of the cluster. One of them,
// of the earlier version of the program, is killed and started again as the later version;
// then another is paused, its jobs are taken over, and it goes on.
func (s settings) overCluster(ctx context.Context, out io.Writer, w *world, tmp string) error {
	if s.lease == 0 {
		s.lease = clusterLease
	}
	peers, err := freePorts()
	if err != nil {
		return err
	}
	c := &trio{settings: s, world: w, out: out, tmp: tmp, peers: peers, began: time.Now()}
	defer c.killAll()
	return c.run(ctx)
}

// trio is the three processes.
type trio struct {
	settings
	world *world
	out   io.Writer
	tmp   string
	peers string
	began time.Time

	children [3]*child
	store    *natsstore.Store
	asking   *submitter
	jobs     []int
}

func (c *trio) run(ctx context.Context) error {
	for i := range c.children {
		var program []string
		if i == 0 { // this one is killed, and comes back as the later version
			program = []string{"-earlier"}
		}
		if err := c.start(ctx, i, program...); err != nil {
			return err
		}
	}
	for _, child := range c.children {
		if err := c.await(ctx, "a worker is ready", time.Minute, func() (bool, error) { return isClosed(child.ready), nil }); err != nil {
			return err
		}
	}
	var err error
	if c.store, err = openCluster(ctx, clients(c.peers)); err != nil {
		return err
	}
	defer c.store.Close()
	if c.asking, err = (client{url: c.world.url}).submitter(c.store, options{}); err != nil {
		return err
	}
	killed, err := c.kill(ctx, 0)
	if err != nil {
		return err
	}
	if err := c.start(ctx, 0); err != nil {
		return err
	}
	if err := c.await(ctx, "the killed worker is back", time.Minute, func() (bool, error) { return isClosed(c.children[0].ready), nil }); err != nil {
		return err
	}
	paused, err := c.pause(ctx, 1)
	if err != nil {
		return err
	}
	if err := c.settled(ctx, c.jobs, 2*c.lease+election+within); err != nil {
		return err
	}
	found, err := audit(ctx, c.world, c.store, c.jobs)
	if err != nil {
		return err
	}
	return found.report(c.out, fmt.Sprintf("nodes=3 lease=%v taken-over-after-kill=%.1fs taken-over-after-pause=%.1fs stale-holder-refused=true",
		c.lease, killed.Seconds(), paused.Seconds()), c.began)
}

// kill kills a worker while it works, and returns how long it took until others had ended
// its jobs.
func (c *trio) kill(ctx context.Context, victim int) (time.Duration, error) {
	mine, err := c.giveAll(ctx, victim)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	c.children[victim].kill()
	unrecorded := c.children[victim].left(mine)
	c.say("worker %d is killed: %d jobs of %d have no outcome or are not known to be recorded", victim, len(unrecorded), len(mine))
	c.children[(victim+1)%3].give(unrecorded...) // as a caller would that got no answer
	err = c.settled(ctx, mine, 2*c.lease+election+within)
	took := time.Since(began)
	c.say("its jobs have ended, %v after the kill", took.Round(100*time.Millisecond))
	return took, err
}

// pause does the same with a worker that is paused. The worker goes on when the others have
// ended its jobs.
func (c *trio) pause(ctx context.Context, victim int) (time.Duration, error) {
	process := c.children[victim].cmd.Process
	defer process.Signal(syscall.SIGCONT)
	mine, began, err := c.stop(ctx, victim)
	if err != nil {
		return 0, err
	}
	unrecorded := c.children[victim].left(mine)
	c.say("worker %d is paused: %d jobs of %d have no outcome or are not known to be recorded", victim, len(unrecorded), len(mine))
	c.children[(victim+1)%3].give(unrecorded...)
	if err := c.settled(ctx, mine, 2*c.lease+election+within); err != nil {
		return 0, err
	}
	took := time.Since(began)
	c.say("its jobs have ended, %v after the pause began", took.Round(100*time.Millisecond))
	if err := process.Signal(syscall.SIGCONT); err != nil {
		return 0, err
	}
	return took, c.await(ctx, "the paused worker finds its lease gone", c.lease+election, func() (bool, error) {
		return c.children[victim].warned("the lease was lost"), nil
	})
}

// stop stops a worker while it works, and returns its jobs and the time. If the machine stood
// still just before, all jobs may have ended: then the worker goes on and gets more.
func (c *trio) stop(ctx context.Context, victim int) (mine []int, at time.Time, err error) {
	process := c.children[victim].cmd.Process
	for range 10 {
		if mine, err = c.giveAll(ctx, victim); err != nil {
			return nil, at, err
		}
		at = time.Now()
		if err := process.Signal(syscall.SIGSTOP); err != nil {
			return nil, at, err
		}
		pending := false
		err = c.await(ctx, "the jobs are looked at", time.Minute, func() (bool, error) {
			for _, n := range mine {
				res, err := c.asking.Lookup(ctx, keyOf(n))
				switch {
				case errors.Is(err, natsstore.ErrUnavailable):
					return false, nil
				case err == nil && res.Outcome == 0:
					pending = true
					return true, nil
				case err != nil && res.Outcome == 0 && !errors.Is(err, submit.ErrNotFound):
					return false, err
				}
			}
			return true, nil
		})
		if err != nil || pending {
			return mine, at, err
		}
		if err := process.Signal(syscall.SIGCONT); err != nil {
			return nil, at, err
		}
	}
	return nil, at, errors.New("the jobs always end before their worker is stopped")
}

// giveAll gives each worker some jobs, and returns the jobs of victim when it is working on
// them: some are recorded, and few of these were sent.
func (c *trio) giveAll(ctx context.Context, victim int) (mine []int, err error) {
	for range c.settings.jobs * 3 {
		for i, child := range c.children {
			n := len(c.jobs)
			c.jobs = append(c.jobs, n)
			child.give(n)
			if i == victim {
				mine = append(mine, n)
			}
		}
	}
	err = c.await(ctx, "a job is recorded", time.Minute, func() (bool, error) {
		return len(c.children[victim].left(mine)) < len(mine), nil
	})
	time.Sleep(writeDelay / 2)
	return mine, err
}

// settled waits until the jobs have outcomes.
func (c *trio) settled(ctx context.Context, jobs []int, limit time.Duration) error {
	return c.await(ctx, "the jobs have ended", limit, func() (bool, error) {
		for _, n := range jobs {
			res, err := c.asking.Lookup(ctx, keyOf(n))
			if errors.Is(err, natsstore.ErrUnavailable) || errors.Is(err, submit.ErrNotFound) {
				return false, nil
			}
			if err != nil || res.Outcome == 0 {
				return false, err
			}
		}
		return true, nil
	})
}

func (c *trio) await(ctx context.Context, what string, limit time.Duration, done func() (bool, error)) error {
	for end := time.Now().Add(limit); ; {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %v: %s", limit, what)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *trio) start(ctx context.Context, i int, program ...string) (err error) {
	flags := append(program, "-service", c.world.url, "-lease", c.lease.String(), "-delay", writeDelay.String(),
		"-peers", c.peers, "-node", fmt.Sprint(i), "-dir", filepath.Join(c.tmp, fmt.Sprintf("n%d", i)))
	c.children[i], err = start(ctx, flags...)
	return err
}

func (c *trio) killAll() {
	for _, child := range c.children {
		if child != nil {
			child.kill()
		}
	}
}

func (c *trio) say(format string, args ...any) {
	fmt.Fprintf(c.out, "%5.1f s  "+format+"\n", append([]any{time.Since(c.began).Seconds()}, args...)...)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// freePorts returns the ports of three peers, in the form that parsePeers reads. They are
// outside the range that systems use for port 0, so that no other program gets one of them
// before a peer does, or while a peer is down.
func freePorts() (string, error) {
	var pairs []string
	for range 3 {
		var ports [2]int
		for i := range ports {
			listener, err := listenSomewhere()
			if err != nil {
				return "", err
			}
			defer listener.Close()
			ports[i] = listener.Addr().(*net.TCPAddr).Port
		}
		pairs = append(pairs, fmt.Sprintf("%d:%d", ports[0], ports[1]))
	}
	return strings.Join(pairs, ","), nil
}

func listenSomewhere() (listener net.Listener, err error) {
	for range 100 {
		if listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 29_000+rand.N(3_000))); err == nil {
			return listener, nil
		}
	}
	return nil, err
}
