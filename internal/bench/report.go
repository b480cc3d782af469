package main

import (
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/curve"
	"github.com/kantata-community/terraform-provider-kantata/internal/bench/usage"
)

// before is [usage.Product] with the other version of the provider.
const before = "before"

// labels name the modes in the tables. The label of before contains a commit.
var labels = map[string]string{
	usage.Product:     "this provider",
	before:            "commit %s",
	usage.OneGetEach:  "one GET for each membership",
	usage.ReadNothing: "a plugin that reads nothing",
	usage.ReadList:    "`internal/memberships`",
}

func introduction() string {
	var flags strings.Builder
	flag.CommandLine.SetOutput(&flags)
	flag.PrintDefaults()
	return "# What a plan costs\n\n" +
		"`make bench` writes this page in about five minutes. `make bench BENCH='-plan 200 -repeat 1'` sets flags:\n\n" +
		"```\n" + strings.ReplaceAll(flags.String(), "\t", "    ") + "```\n\n" +
		"To compare a change with the version before it, create a worktree of that version with `git worktree add ../before HEAD~1`, and run\n" +
		"`make bench BENCH='-before ../before'`. The modes take turns in one run, because times of different runs cannot be compared.\n"
}

// curveSection reports the grid: the worst point of each account, and all points.
func curveSection(points []curve.Point) string {
	var summary, all strings.Builder
	missed := 0
	for rows := range accounts(points) {
		var requests, best, trips float64
		for _, p := range rows {
			requests = max(requests, float64(p.Requests)/float64(p.Memberships))
			best = max(best, float64(p.Requests)/float64(p.Best()))
			trips = max(trips, p.RoundTrips/float64(p.OneGetEach()))
			missed += len(p.Missed())
		}
		fmt.Fprintf(&summary, "| %s | %.1f | %.1f | %.2f |\n", thousands(rows[0].Rows), best, requests, trips)

		fmt.Fprintf(&all, "\n<details>\n<summary>An account of %s memberships</summary>\n\n", thousands(rows[0].Rows))
		all.WriteString("| memberships | in groups | requests | best | requests / best | requests / memberships |" +
			" round trips | round trips of one GET each | ratio |\n| --: | --: | --: | --: | --: | --: | --: | --: | --: |\n")
		for _, p := range rows {
			fmt.Fprintf(&all, "| %s | %d | %d | %d | %.1f | %.2f | %.1f | %d | %.2f |\n",
				thousands(p.Memberships), p.Groups, p.Requests, p.Best(),
				float64(p.Requests)/float64(p.Best()), float64(p.Requests)/float64(p.Memberships),
				p.RoundTrips, p.OneGetEach(), p.RoundTrips/float64(p.OneGetEach()))
		}
		all.WriteString("\n</details>\n")
	}
	return fmt.Sprintf(`
## Requests and round trips

Each line shows plans of some access groups, from one of their memberships to all of them. The memberships of the account are spread evenly
over 40 groups, and all of them exist. Terraform reads ten resources at the same time. Each request takes 200 ms of fake time, so the
numbers do not depend on the machine. (From about 500 memberships on, they differ by a few requests from run to run, because lookups that
arrive at the same moment have no fixed order.)

![%s](curve.svg)

"Best" is the number of requests that a provider would need if it knew beforehand which memberships Terraform is going to read, and how long
each list is: the number of memberships divided by ten, or the pages of the cheapest list, whichever is less. The worst of %d plans:

| memberships in the account | requests / best | requests / memberships | round trips / round trips of one GET each |
| --: | --: | --: | --: |
%s
%s
%s`, pictureTitle, len(points), summary.String(), targets(missed), all.String())
}

func targets(missed int) string {
	if missed == 0 {
		return "All plans meet the targets of `internal/bench/curve`."
	}
	return fmt.Sprintf("The plans miss %d of the targets of `internal/bench/curve`.", missed)
}

// measuredSection introduces the tables of the scenarios.
func measuredSection(b *bench) string {
	return fmt.Sprintf(`
## Time, CPU and memory

These commands ran with %s %s on an embedded Kantata whose requests take %s. The machine has %d cores (%s/%s, %s).
Number of runs of each command: %d; the fastest run counts. CPU and peak memory are those of the provider's process. The ratio compares the
time with that of the first line. Compare times only within one table. A plan looks up each membership that it adds, so that it can report
those that exist. A version whose plans do not is faster at that. A version that takes its peak memory from getrusage reports at least that
of Terraform, which starts it.
`, b.cli.Name, b.cli.Version, b.latency, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), b.repeat)
}

// table reports a scenario. The ratios are to the first mode.
func (b *bench) table(s scenario, measured []measurement) string {
	var rows strings.Builder
	fmt.Fprintf(&rows, "\n### %s\n\n| | requests | time | ratio | CPU | peak memory |\n| --- | --: | --: | --: | --: | --: |\n", s.title)
	for i, m := range measured {
		label := strings.ReplaceAll(labels[s.modes[i]], "%s", b.commit)
		fmt.Fprintf(&rows, "| %s | %s | %.1f s | %.2f | %.1f s | %d MiB |\n", label, thousands(m.requests), m.wall.Seconds(),
			m.wall.Seconds()/measured[0].wall.Seconds(), m.cpu.Seconds(), m.peakBytes>>20)
	}
	return rows.String()
}

// thousands writes 12000 as 12,000.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
