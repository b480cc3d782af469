package main

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/kantata-community/terraform-provider-kantata/internal/bench/curve"
)

const (
	panelWidth, panelHeight = 190, 170
	gapX, gapY              = 40, 50
	marginLeft, marginTop   = 60, 50
)

// series are the lines of the picture: one for each number of groups.
var series = []struct {
	groups int
	label  string
	color  string
}{
	{1, "this provider: memberships in 1 group (dotted: best)", "#1f77b4"},
	{5, "in 5 groups", "#2ca02c"},
	{allGroups, "in 40 groups", "#9467bd"},
}

const (
	allGroups   = 40
	oneGetColor = "#d62728"
)

// accounts yields the points of each account.
func accounts(points []curve.Point) iter.Seq[[]curve.Point] {
	return func(yield func([]curve.Point) bool) {
		for len(points) > 0 {
			end := slices.IndexFunc(points, func(p curve.Point) bool { return p.Rows != points[0].Rows })
			if end < 0 {
				end = len(points)
			}
			if !yield(points[:end]) {
				return
			}
			points = points[end:]
		}
	}
}

// picture draws a column for each account: requests above, and round trips below. All axes are logarithmic.
func picture(points []curve.Point) string {
	var b strings.Builder
	columns := 0
	for account := range accounts(points) {
		left := marginLeft + columns*(panelWidth+gapX)
		columns++
		text(&b, left+panelWidth/2, marginTop-30, "middle", `font-weight="bold"`, "account of "+thousands(account[0].Rows))

		// The last plan contains all memberships of the account.
		most := account[len(account)-1]
		p := panel{left: left, top: marginTop, mostX: float64(most.Memberships), mostY: float64(most.Memberships)}
		p.axes(&b, "requests")
		p.lines(&b, account, "3 3", func(p curve.Point) float64 { return float64(p.Best()) })
		p.line(&b, account, allGroups, oneGetColor, "", func(p curve.Point) float64 { return float64(p.Memberships) })
		p.lines(&b, account, "", func(p curve.Point) float64 { return float64(p.Requests) })

		p.top, p.mostY = p.top+panelHeight+gapY, float64(most.OneGetEach())
		p.axes(&b, "round trips")
		p.line(&b, account, allGroups, oneGetColor, "", func(p curve.Point) float64 { return float64(p.OneGetEach()) })
		p.lines(&b, account, "", func(p curve.Point) float64 { return p.RoundTrips })
	}
	bottom := marginTop + 2*(panelHeight+gapY)
	text(&b, marginLeft, bottom, "start", "", "memberships in the plan →")
	legend(&b, bottom+30)
	width, height := marginLeft+columns*(panelWidth+gapX), bottom+50
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n"+
		"<title>%s</title>\n"+`<rect width="100%%" height="100%%" fill="white"/>`+"\n%s</svg>\n", width, height, pictureTitle, b.String())
}

const pictureTitle = "Requests and round trips of a plan, compared with one GET for each membership"

// panel is one diagram. Its axes go from 1 to mostX and mostY.
type panel struct {
	left, top    int
	mostX, mostY float64
}

func (p panel) x(v float64) float64 { return float64(p.left) + share(v, p.mostX)*panelWidth }
func (p panel) y(v float64) float64 { return float64(p.top) + (1-share(v, p.mostY))*panelHeight }

func share(v, most float64) float64 { return math.Log(max(v, 1)) / math.Log(most) }

func (p panel) axes(b *strings.Builder, title string) {
	text(b, p.left, p.top-10, "start", "", title)
	for i, label := range []string{"1", "10", "100", "1k", "10k", "100k"} {
		v := math.Pow10(i)
		if v <= p.mostX {
			fmt.Fprintf(b, `<path d="M%.1f %dv%d" stroke="#ddd"/>`+"\n", p.x(v), p.top, panelHeight)
			text(b, int(p.x(v)), p.top+panelHeight+16, "middle", `fill="#555"`, label)
		}
		if v <= p.mostY {
			fmt.Fprintf(b, `<path d="M%d %.1fh%d" stroke="#ddd"/>`+"\n", p.left, p.y(v), panelWidth)
			text(b, p.left-5, int(p.y(v))+4, "end", `fill="#555"`, label)
		}
	}
}

// lines draws a line for each series in its color.
func (p panel) lines(b *strings.Builder, points []curve.Point, dashes string, cost func(curve.Point) float64) {
	for _, s := range series {
		p.line(b, points, s.groups, s.color, dashes, cost)
	}
}

func (p panel) line(b *strings.Builder, points []curve.Point, groups int, color, dashes string, cost func(curve.Point) float64) {
	var corners []string
	for _, point := range points {
		if point.Groups == groups {
			corners = append(corners, fmt.Sprintf("%.1f,%.1f", p.x(float64(point.Memberships)), p.y(cost(point))))
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n",
		strings.Join(corners, " "), color, cmp.Or(dashes, "none"))
}

func legend(b *strings.Builder, top int) {
	x := marginLeft
	entry := func(color, label string) {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/>`+"\n", x, top-10, color)
		text(b, x+18, top, "start", "", label)
		x += 45 + 7*len(label)
	}
	entry(oneGetColor, "one GET for each membership")
	for _, s := range series {
		entry(s.color, s.label)
	}
}

func text(b *strings.Builder, x, y int, anchor, attributes, content string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s" %s>%s</text>`+"\n", x, y, anchor, attributes, content)
}
