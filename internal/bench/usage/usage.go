// Package usage is what the benchmark and its plugin tell each other.
package usage

import "time"

// The variables of the environment that the benchmark sets for its plugin.
const (
	ModeVariable = "KANTATA_BENCH_MODE"
	DirVariable  = "KANTATA_BENCH_USAGE"
)

// The modes of the plugin; any other is the product as it is.
const (
	OneGetEach  = "one-get-each"
	ReadNothing = "read-nothing"
)

// Usage is what one process of the plugin used.
type Usage struct {
	CPU       time.Duration
	PeakBytes int64
}
