package main

import (
	"fmt"

	"github.com/readback-go/readback/examples/internal/api"
)

// order is a row of the shop, and a job. Fault is what the service is to do to its
// write.
type order struct {
	ID       string
	Name     string
	Fault    string
	Declined bool
}

// orderOf makes the n-th order.
func orderOf(n int) order {
	return order{
		ID: fmt.Sprintf("order-%04d", n), Name: fmt.Sprintf("space%04d", n),
		Fault: api.FaultOf(n), Declined: n%10 == 9,
	}
}
