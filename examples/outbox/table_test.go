package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

func TestTable(t *testing.T) {
	t.Parallel()
	l := &line{title: "answered"}
	good := table{lines: []*line{l}}
	good.count(l, true, true, 1, consistency.Confirmed, "confirmed")
	good.count(l, true, true, 0, consistency.Unconfirmed, "unconfirmed")
	good.count(l, false, false, 0, 0, "")
	var out bytes.Buffer
	good.print(&out)
	assert.Equal(t, `  the order  orders  jobs  confirmed  unconfirmed  failed  made
   answered       2     2          1            1       0     1
an order without its job or a job without its order 0, made twice 0, told wrong 0
`, out.String())
	require.NoError(t, good.verdict())

	for name, bad := range map[string]func(*table){
		"made twice":              func(t *table) { t.count(l, true, true, 2, consistency.Confirmed, "confirmed") },
		"confirmed, and not made": func(t *table) { t.count(l, true, true, 0, consistency.Confirmed, "confirmed") },
		"made, and unconfirmed":   func(t *table) { t.count(l, true, true, 1, consistency.Unconfirmed, "unconfirmed") },
		"the order says another":  func(t *table) { t.count(l, true, true, 1, consistency.Confirmed, "ordered") },
		"no outcome":              func(t *table) { t.count(l, true, true, 0, 0, "ordered") },
		"made without a job":      func(t *table) { t.count(l, false, false, 1, 0, "") },
	} {
		var wrong table
		bad(&wrong)
		require.Error(t, wrong.verdict(), name)
	}
	require.Error(t, table{torn: 1}.verdict())
}

// The orders at whose commits the shop dies would commit otherwise, and differ.
func TestKilled(t *testing.T) {
	t.Parallel()
	for orders := 10; orders < 200; orders++ {
		before, after := killed(orders)
		assert.Less(t, before, after, orders)
		assert.Less(t, after, orders-1, orders)
		for _, n := range []int{before, after} {
			assert.Equal(t, order{ID: orderOf(n).ID, Name: orderOf(n).Name}, orderOf(n), "of %d", orders)
		}
	}
}

func TestRun_arguments(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"ten orders at least, not 9": {"-orders", "9"},
		`unexpected argument "x"`:    {"x"},
	} {
		var out bytes.Buffer
		require.ErrorContains(t, run(t.Context(), args, &out, &out), want)
	}
}
