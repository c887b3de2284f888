// Package bench holds readback against its peers in the same run, since only
// ratios survive a change of machine.
//
//	go test -bench . -benchmem ./bench
package bench
