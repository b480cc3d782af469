package main

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// style is the ANSI sequence of a line in a terminal, and its color and weight in the picture.
type style struct{ ansi, fill, weight string }

var (
	plain   = style{fill: "#d6deeb"}
	heading = style{ansi: "\x1b[1m", fill: "#ffffff", weight: "bold"}
	quiet   = style{ansi: "\x1b[2m", fill: "#7f8c98"}
	command = style{ansi: "\x1b[36m", fill: "#7fdbca"}
	code    = style{ansi: "\x1b[35m", fill: "#c792ea"} // Terraform configuration
	adds    = style{ansi: "\x1b[32m", fill: "#addb67"}
	removes = style{ansi: "\x1b[31m", fill: "#ef7b7b"}
)

// screen prints lines and keeps them for the picture. It prints colors only in a terminal.
type screen struct {
	to     io.Writer
	colors bool
	lines  []line
}

type line struct {
	text  string
	style style
}

func (s *screen) say(as style, format string, args ...any) {
	for text := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		s.lines = append(s.lines, line{text, as})
		if s.colors && as.ansi != "" && text != "" {
			text = as.ansi + text + "\x1b[0m"
		}
		_, _ = fmt.Fprintln(s.to, text)
	}
}

// progress shows in a terminal what the demo is doing. The returned function erases it.
func (s *screen) progress(text string) (done func()) {
	if !s.colors {
		return func() {}
	}
	_, _ = fmt.Fprintf(s.to, "%s  %s ...\x1b[0m", quiet.ansi, text)
	return func() { _, _ = fmt.Fprint(s.to, "\r\x1b[2K") }
}

// picture returns what was printed as an SVG picture of a terminal.
func (s *screen) picture() string {
	const width, lineHeight, margin, top = 940, 20, 20, 46
	var b strings.Builder
	height := top + len(s.lines)*lineHeight + margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">
<rect width="100%%" height="100%%" rx="8" fill="#011627"/>
<circle cx="22" cy="20" r="6" fill="#ef7b7b"/>
<circle cx="42" cy="20" r="6" fill="#f2c66d"/>
<circle cx="62" cy="20" r="6" fill="#addb67"/>
<g font-family="%s" font-size="13.5" xml:space="preserve">
`, width, height, width, height, "The output of make demo", "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace")
	for i, l := range s.lines {
		if l.text == "" {
			continue
		}
		weight := ""
		if l.style.weight != "" {
			weight = ` font-weight="` + l.style.weight + `"`
		}
		y := top + (i+1)*lineHeight - 6
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" fill=\"%s\"%s>%s</text>\n", margin, y, l.style.fill, weight, html.EscapeString(l.text))
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}
