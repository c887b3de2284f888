package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/internal/testing/pgtest"
)

// supervise starts a database, the service and a shop, which it has killed before
// the commit of one order and after that of another, and prints what came of it.
func supervise(ctx context.Context, orders int, out io.Writer) error {
	database, err := pgtest.Start(pgtest.Options{})
	if err != nil {
		return err
	}
	defer database.Close()
	service, err := workspaces.Open(workspaces.Options{
		WorkspacesLag: 100 * time.Millisecond, MembershipsLag: 250 * time.Millisecond, NoSync: true, AllowFaults: true,
	})
	if err != nil {
		return err
	}
	defer service.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: service}
	go server.Serve(listener)
	defer server.Close()
	pool, err := pgxpool.New(ctx, database.DSN())
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, "CREATE TABLE orders (id text PRIMARY KEY, state text NOT NULL, workspace text)"); err != nil {
		return err
	}

	before, after := killed(orders)
	at := place{database.DSN(), "http://" + listener.Addr().String(), orders}
	for _, life := range []struct {
		from, before, after int
		told                string
	}{
		{0, before, -1, "The shop was killed just before the commit of " + orderOf(before).ID + "."},
		{before + 1, -1, after, "The shop was killed just after the commit of " + orderOf(after).ID + "."},
		{after + 1, -1, -1, "The last shop took the rest, and ended when no job was pending."},
	} {
		dies := life.before >= 0 || life.after >= 0
		if err := at.live(ctx, dies, "-from", strconv.Itoa(life.from), "-die-before", strconv.Itoa(life.before), "-die-after", strconv.Itoa(life.after)); err != nil {
			return err
		}
		fmt.Fprintln(out, life.told)
	}
	t, err := compare(ctx, orders, pool, service)
	if err != nil {
		return err
	}
	t.print(out)
	return t.verdict()
}

// killed returns the orders at whose commits the shop dies: ordinary ones, after a
// third and after two thirds of all.
func killed(orders int) (before, after int) {
	return orders / 3 / 10 * 10, orders*2/3/10*10 + 1
}

// place is where a shop works.
type place struct {
	dsn, service string
	orders       int
}

// shopEnv tells a test binary that it is to be the program.
const shopEnv = "OUTBOX_SHOP"

// live runs a shop to its end, which is to be a kill if it dies.
func (p place) live(ctx context.Context, dies bool, flags ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"-dsn", p.dsn, "-service", p.service, "-orders", strconv.Itoa(p.orders)}, flags...)...)
	cmd.Env = append(os.Environ(), shopEnv+"=1")
	cmd.Stderr = os.Stderr
	err = cmd.Run()
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case dies && errors.As(err, &ended) && !ended.Exited(): // by a signal
		return nil
	case dies:
		return fmt.Errorf("the shop was to be killed, and ended by itself: %w", err)
	}
	return err
}
