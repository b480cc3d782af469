package repository

import (
	"regexp"
	"testing"
)

// TestLimitsAreMeasured requires that the numbers in the section "Limits" of the provider's page are those of the recorded benchmark.
func TestLimitsAreMeasured(t *testing.T) {
	t.Parallel()
	const page = "templates/index.md.tmpl"
	benchmark := read(t, "internal/bench/README.md")
	rows := regexp.MustCompile(`(?m)^\| .+ \| ([\d,]+) \| ([\d.]+ s) \| (\d+ MiB) \|$`).FindAllStringSubmatch(read(t, page), -1)
	if len(rows) < 3 {
		t.Fatalf("%s: got %d rows with requests, time and memory, want at least 3", page, len(rows))
	}
	for _, row := range rows {
		measured := regexp.MustCompile(`\| this provider \| ` + row[1] + ` \| ` + regexp.QuoteMeta(row[2]) + ` \| .* \| ` + row[3] + ` \|`)
		if !measured.MatchString(benchmark) {
			t.Errorf("%s: got the row\n%s\nwant the numbers of internal/bench/README.md", page, row[0])
		}
	}
}
