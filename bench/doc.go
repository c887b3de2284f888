// Command bench plays other libraries' pollers beside ours in virtual time: how
// many reads a flow takes until it sees its write, and how late it is then.
//
//	go run ./bench                    # the table
//	go run ./bench -json              # every setting of every poller
//	go run ./bench -svg bench/fronts  # the figures
//	go run ./bench -defaults          # where the lag is a number, at their defaults
//
// What their code costs in time and memory is in the benchmarks, side by side
// in the same run, since only ratios survive a change of machine.
//
//	go test -bench . -benchmem ./bench
package main
