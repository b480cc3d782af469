// Package usage is what the benchmark and its plugin exchange.
package usage

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Environment variables that the benchmark sets for its plugin.
const (
	// ModeVariable contains one of the modes.
	ModeVariable = "KANTATA_BENCH_MODE"
	// DirVariable names the folder for [Usage.Write].
	DirVariable = "KANTATA_BENCH_USAGE"
)

// The modes of the plugin.
const (
	// Product is the provider as it is.
	Product = "product"
	// OneGetEach reads each resource with a request of its own.
	OneGetEach = "one-get-each"
	// ReadNothing reads no resource.
	ReadNothing = "read-nothing"
	// ReadList is no provider: the process reads the list of all memberships and ends.
	ReadList = "read-list"
)

// Usage is what one process of the plugin used.
type Usage struct {
	CPU       time.Duration
	PeakBytes int64
}

// Write writes the usage of this process to the folder that [DirVariable] names.
func (u Usage) Write() error {
	content, err := json.Marshal(u)
	if err != nil {
		return err
	}
	file := filepath.Join(os.Getenv(DirVariable), strconv.Itoa(os.Getpid())+".json")
	return os.WriteFile(file, content, 0o600) //nolint:gosec // the benchmark sets the folder
}

// Read returns the usage of every process that wrote to the folder.
func Read(dir string) ([]Usage, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	processes := make([]Usage, len(files))
	for i, file := range files {
		content, err := os.ReadFile(file) //nolint:gosec // a file that the plugin wrote
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(content, &processes[i]); err != nil {
			return nil, err
		}
	}
	return processes, nil
}
