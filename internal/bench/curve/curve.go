// Package curve defines the plans whose cost the benchmark draws, and the targets for the cost. The benchmark uses it, and so does the test
// of internal/memberships that computes the cost.
package curve

import (
	"fmt"
	"math"
	"slices"
)

const (
	// Parallelism is how many resources Terraform reads at the same time.
	Parallelism = 10

	pageSize = 200
	// allowance is how much longer than its requests a round may take, in round trips, because it waits for more lookups.
	allowance = 0.15
)

// Plan is a plan of memberships that exist and that the state knows by ID.
type Plan struct {
	// Rows is the number of memberships in the account. They are spread evenly over AccountGroups access groups.
	Rows, AccountGroups int
	// Memberships is the number of memberships in the plan. They are spread at random over Groups of the access groups.
	Memberships, Groups int
}

// Point is a plan and what it cost.
type Point struct {
	Plan
	Requests int
	// RoundTrips is the time of the plan, divided by the time of one request.
	RoundTrips float64
}

// Grid returns the plans that the benchmark draws: of 1 to 40 groups, and of one membership to all memberships of the groups in about
// ten steps.
func Grid() []Plan {
	var plans []Plan
	for _, rows := range []int{150, 1_600, 12_000, 100_000} {
		for _, groups := range []int{1, 2, 5, 10, 20, 40} {
			p := Plan{Rows: rows, AccountGroups: 40, Groups: groups}
			const steps = 10
			all := float64(p.most())
			for i := range steps {
				p.Memberships = int(math.Round(math.Pow(all, float64(i)/(steps-1))))
				if !slices.Contains(plans, p) {
					plans = append(plans, p)
				}
			}
		}
	}
	return plans
}

// most is how many memberships the groups have. The first groups have one more than the others if the rows do not divide evenly.
func (p Plan) most() int {
	most := 0
	for g := range p.Groups {
		most += p.rowsOf(g)
	}
	return most
}

func (p Plan) rowsOf(group int) int { return (p.Rows + p.AccountGroups - 1 - group) / p.AccountGroups }

// Pages is the number of pages of the cheapest list that answers all lookups: of the groups' lists or of the account's.
func (p Plan) Pages() int {
	pages := 0
	for g := range p.Groups {
		pages += divideUp(p.rowsOf(g), pageSize)
	}
	return min(pages, divideUp(p.Rows, pageSize))
}

// Best is the number of requests that a provider would need if it knew beforehand which resources Terraform reads, and how long each list
// is.
func (p Plan) Best() int { return min(divideUp(p.Memberships, Parallelism), p.Pages()) }

// OneGetEach is the number of round trips of a provider that sends one request for each resource.
func (p Plan) OneGetEach() int { return divideUp(p.Memberships, Parallelism) }

// String describes the plan.
func (p Plan) String() string {
	return fmt.Sprintf("%d memberships in %d groups of an account of %d rows in %d groups", p.Memberships, p.Groups, p.Rows, p.AccountGroups)
}

// Missed returns a text for each target of DESIGN.md that the point misses.
func (p Point) Missed() []string {
	requests, roundTrips := 5*p.Best()+3, math.Inf(1)
	if p.Pages() <= 10 {
		// About five: to read nine or ten pages at once costs too many requests before the sixth round trip.
		requests, roundTrips = 2*p.Best()+3, max(5, float64(min(p.Pages()-3, 6)))
	}
	if p.Memberships <= Parallelism {
		roundTrips = 1
	}
	requests = min(requests, max(p.Memberships, 3))
	roundTrips = min(roundTrips, float64(p.OneGetEach()))

	var missed []string
	if p.Requests > requests {
		missed = append(missed, fmt.Sprintf("%s: got %d requests, want at most %d", p.Plan, p.Requests, requests))
	}
	if limit := roundTrips*(1+allowance) + allowance; p.RoundTrips > limit {
		missed = append(missed, fmt.Sprintf("%s: got %.2f round trips, want at most %.2f", p.Plan, p.RoundTrips, limit))
	}
	return missed
}

func divideUp(n, by int) int { return (n + by - 1) / by }
