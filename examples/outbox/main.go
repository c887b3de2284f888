// Command outbox records orders, each with a job in the same transaction, although
// its process is killed before and after a commit.
//
// It starts a private PostgreSQL server of the machine's own programs, and the
// service of package workspaces, which loses the answers of some writes: it carries
// them out at once, later or never. A shop process takes orders: a row, and a job
// that makes a workspace for it, in one transaction. The shop is killed just before
// one commit and just after another, and started again. In the end a table holds
// the orders and the outcomes of their jobs against what the service did.
//
//	go run ./examples/outbox -orders 60
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "outbox:", err)
		stop()
		os.Exit(1)
	}
}

type settings struct {
	orders int
	shop   shop
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("outbox", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.IntVar(&s.orders, "orders", 60, "how many orders there are")
	flags.StringVar(&s.shop.dsn, "dsn", "", "internal: run as the shop, with this database")
	flags.StringVar(&s.shop.service, "service", "", "internal: the service's URL")
	flags.IntVar(&s.shop.from, "from", 0, "internal: the first order")
	flags.IntVar(&s.shop.before, "die-before", -1, "internal: die before the commit of this order")
	flags.IntVar(&s.shop.after, "die-after", -1, "internal: die after the commit of this order")
	switch err := flags.Parse(args); {
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.orders < 10:
		return fmt.Errorf("there must be ten orders at least, not %d", s.orders)
	case s.shop.dsn != "":
		s.shop.to = s.orders
		return s.shop.run(ctx)
	}
	return supervise(ctx, s.orders, out)
}
