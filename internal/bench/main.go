// Command bench measures what a plan costs, and writes internal/bench/README.md and its picture. Requests and round trips are computed in
// fake time for a grid of plans. Time, CPU and memory are measured with a real Terraform on the embedded Kantata.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/curve"
)

type options struct {
	out               string
	plan, apply, list int
	latency           time.Duration
	repeat            int
	before            string
}

func main() {
	var o options
	flag.StringVar(&o.out, "out", "", "the `folder` to write README.md and curve.svg to; if it is empty, the results are only printed")
	flag.IntVar(&o.plan, "plan", 1_000, "the `number` of memberships in the measured plan; 0 skips it")
	flag.IntVar(&o.apply, "apply", 300, "the `number` of memberships that the measured apply creates; 0 skips it")
	flag.IntVar(&o.list, "list", 100_000, "the `number` of memberships that the measured data source lists; 0 skips it")
	flag.DurationVar(&o.latency, "latency", 200*time.Millisecond, "the time of each request in the measured commands")
	flag.IntVar(&o.repeat, "repeat", 3, "how many `times` each command runs; the fastest counts, because other load only slows a command down")
	flag.StringVar(&o.before, "before", "", "a `checkout` of another version of this repository to measure as well")
	flag.Parse()

	if err := run(context.Background(), o); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "kantata-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder

	points, err := computeCurve(ctx, filepath.Join(dir, "curve.json"))
	if err != nil {
		return err
	}
	b, err := newBench(ctx, dir, o)
	if err != nil {
		return err
	}
	page := introduction() + curveSection(points) + measuredSection(b)
	for _, s := range o.scenarios() {
		measured, err := b.measure(ctx, s)
		if err != nil {
			return err
		}
		page += b.table(s, measured)
	}
	if o.out == "" {
		fmt.Print(page)
		return nil
	}
	//nolint:gosec // everyone may read the repository
	return errors.Join(
		os.WriteFile(filepath.Join(o.out, "curve.svg"), []byte(picture(points)), 0o644),
		os.WriteFile(filepath.Join(o.out, "README.md"), []byte(page), 0o644),
	)
}

// computeCurve runs the test that computes the cost of the grid, because fake time exists only in tests.
func computeCurve(ctx context.Context, file string) ([]curve.Point, error) {
	//nolint:gosec // a temporary file
	command := exec.CommandContext(ctx, "go", "test", "-count=1", "-run=^TestTargets$", "./internal/memberships", "-curve="+file)
	output, testErr := command.CombinedOutput()
	content, err := os.ReadFile(file) //nolint:gosec // a temporary file
	if err != nil {
		return nil, fmt.Errorf("computing the curve: %w\n%s", cmp.Or(testErr, err), output)
	}
	if testErr != nil { // the picture shows the plans that miss a target, too
		log.Printf("computing the curve: %v\n%s", testErr, output)
	}
	var points []curve.Point
	return points, json.Unmarshal(content, &points)
}
