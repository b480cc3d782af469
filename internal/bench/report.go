package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/usage"
)

// table prints what the modes took for one number of memberships, with the ratio to the plugin that reads nothing.
func table(rows []measurement, latency time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nPlan of %d of %d memberships, %s for each answer of Kantata\n\n", rows[0].Memberships, total, latency)
	b.WriteString("| | requests | wall time | over a plugin that reads nothing | provider's CPU | over the same | provider's peak memory |\n| --- | --: | --: | --: | --: | --: | --: |\n")
	floor := rows[slices.IndexFunc(rows, func(m measurement) bool { return m.Mode == usage.ReadNothing })]
	for i, m := range rows {
		cpu, cpuRatio, memory := "", "", ""
		if m.CPU > 0 {
			cpu = fmt.Sprintf("%.2f s", m.CPU.Seconds())
			cpuRatio = fmt.Sprintf("x%.2f", m.CPU.Seconds()/floor.CPU.Seconds())
			memory = fmt.Sprintf("%d MiB", m.PeakBytes>>20)
		}
		fmt.Fprintf(&b, "| %s | %d | %.1f s | x%.2f | %s | %s | %s |\n",
			modes[i].label, m.Requests, m.Wall.Seconds(), m.Wall.Seconds()/floor.Wall.Seconds(), cpu, cpuRatio, memory)
	}
	return b.String()
}

// listTable prints what the list data source took.
func listTable(m measurement, latency time.Duration) string {
	return fmt.Sprintf("\nPlan of the data source `kantata_access_group_memberships`, all %d memberships of an account, %s for each answer of Kantata\n\n"+
		"| requests | wall time | provider's CPU | provider's peak memory |\n| --: | --: | --: | --: |\n| %d | %.1f s | %.2f s | %d MiB |\n",
		m.Memberships, latency, m.Requests, m.Wall.Seconds(), m.CPU.Seconds(), m.PeakBytes>>20)
}

// report writes the results and the plot of a run.
func report(out, benchmarks, terraform string, measured []measurement, listed measurement, latency time.Duration, sizes string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# What a plan costs\n\nMade by `make bench` (`go run ./internal/bench -sizes %s -latency %s`) with %s, %s, on %d cores of %s/%s. ", sizes, latency, terraform, runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	b.WriteString("Each row is one `terraform plan` on the embedded Kantata, with Terraform's parallelism of 10; of three runs the fastest counts. Provider's CPU and memory are of the processes that Terraform started for the plan.\n\n![requests and wall time against the number of memberships](plan.svg)\n")
	for rows := range slices.Chunk(measured, len(modes)) {
		b.WriteString(table(rows, latency))
	}
	b.WriteString(listTable(listed, latency))
	fmt.Fprintf(&b, "\nDecoding a page of 200, and answering 1,000 look-ups from 1,600 memberships: `go %s`\n\n```\n%s```\n", benchmarkArgs, benchmarks)
	if err := os.WriteFile(filepath.Join(out, "README.md"), []byte(b.String()), 0o644); err != nil { //nolint:gosec // a page for everyone
		return err
	}
	return os.WriteFile(filepath.Join(out, "plan.svg"), []byte(plot(measured)), 0o644) //nolint:gosec // a picture for everyone
}

const (
	plotWidth, plotHeight = 380, 240
	marginLeft, marginTop = 60, 40
)

// colors are the lines' colors, in the order of modes.
var colors = []string{"#1f77b4", "#d62728", "#7f7f7f", "#bbbbbb"}

// plot draws two panels: requests and wall time against the number of memberships.
func plot(measured []measurement) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12"><rect width="100%%" height="100%%" fill="white"/>`+"\n", 2*(plotWidth+marginLeft)+40, plotHeight+marginTop+90)
	panel(&b, 0, "requests", measured, func(m measurement) float64 { return float64(m.Requests) })
	panel(&b, plotWidth+marginLeft, "wall time in seconds", measured, func(m measurement) float64 { return m.Wall.Seconds() })
	x := marginLeft
	for i, mode := range modes {
		y := plotHeight + marginTop + 60
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", x, y-10, colors[i], x+18, y, mode.label)
		x += 55 + 7*len(mode.label)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func panel(b *strings.Builder, left int, title string, measured []measurement, value func(measurement) float64) {
	most, widest := 1.0, 1
	for _, m := range measured {
		most, widest = max(most, value(m)), max(widest, m.Memberships)
	}
	x := func(n int) int { return left + marginLeft + n*plotWidth/widest*9/10 }
	y := func(v float64) int { return marginTop + plotHeight - int(v/most*plotHeight) }
	fmt.Fprintf(b, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", left+marginLeft, marginTop-15, title)
	fmt.Fprintf(b, `<path d="M%d %dV%dH%d" fill="none" stroke="#333"/>`+"\n", x(0), marginTop, y(0), x(widest))
	for _, v := range []float64{0, most / 2, most} {
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.0f</text>`+"\n", x(0)-6, y(v)+4, v)
	}
	for i, mode := range modes {
		var points []string
		for _, m := range measured {
			if m.Mode == mode.name {
				points = append(points, fmt.Sprintf("%d,%d", x(m.Memberships), y(value(m))))
				if i == 0 {
					fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%d</text>`+"\n", x(m.Memberships), y(0)+18, m.Memberships)
				}
			}
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colors[i])
	}
}
