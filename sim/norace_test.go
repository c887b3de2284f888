//go:build !race

package main

const manyFlows = 100_000
