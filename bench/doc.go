// Command bench runs the pollers of other libraries and ours in virtual time. It measures how
// many reads a flow takes until it sees its write, and how late that is.
//
//	go run ./bench                    # the table
//	go run ./bench -json              # every setting of every poller
//	go run ./bench -svg bench/fronts  # the figures
//	go run ./bench -defaults          # constant lags, all pollers at their defaults
//
// The benchmarks measure the time and memory of their code, side by side in the same run,
// since only ratios can be compared between machines.
//
//	go test -bench . -benchmem ./bench
package main
