package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// atRoot runs the test at the root of the repository, with its own empty folder for temporary files.
func atRoot(t *testing.T) (temp string) {
	t.Helper()
	t.Chdir("../..")
	temp = t.TempDir()
	t.Setenv("TMPDIR", temp)
	return temp
}

func checkNoLeftovers(t *testing.T, temp string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(temp, "kantata-demo*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("temporary folders: got %q left behind, want none", left)
	}
}

// announcer calls announced when the playground prints its last line.
type announcer struct {
	bytes.Buffer
	announced func(printed string)
}

func (a *announcer) Write(p []byte) (int, error) {
	n, err := a.Buffer.Write(p)
	if strings.Contains(string(p), "Ctrl-C") {
		a.announced(a.String())
	}
	return n, err
}
