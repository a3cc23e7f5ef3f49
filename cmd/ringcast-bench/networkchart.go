package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"time"
)

// The chart's measures, in pixels.
const (
	chartWidth = 760
	chartLeft  = 96 // of the bars
	chartRight = 72 // for the figure behind the longest bar
	chartTop   = 60
	barHeight  = 11
	barStep    = 14
	groupStep  = 3*barStep + 14
)

// The bars are on a logarithmic scale from chartLeast to chartMost.
const (
	chartLeast = time.Millisecond
	chartMost  = 10 * time.Second
)

// chartStyle has colours that stand out from white and from black.
const chartStyle = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.grid { stroke: #d0d7de } .bar0 { fill: #0969da } .bar1 { fill: #bf8700 } .bar2 { fill: #cf222e } .p99 { opacity: .4 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .grid { stroke: #30363d } .bar0 { fill: #58a6ff } .bar1 { fill: #d29922 } .bar2 { fill: #ff7b72 }
}
</style>
`

// chartOf draws a link's figures as bars, the part up to p50 in full colour.
func chartOf(links []linkFigures, down time.Duration) []byte {
	var b bytes.Buffer
	height := chartTop + len(links)*groupStep + 24
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`+"\n", chartWidth, height)
	b.WriteString("<title>Propagation, confirmation and resume by link</title>\n" + chartStyle)
	legend := []string{"accepted to in force", "accepted to confirmed", "in force after a cut of " + down.String() + ", from link up"}
	for i, name := range legend {
		x := chartLeft + i*170
		fmt.Fprintf(&b, `<rect class="bar%d" x="%d" y="10" width="11" height="11"/>`, i, x)
		drawText(&b, x+16, 20, "start", name)
	}
	drawText(&b, chartLeft, 40, "start", "full colour: half of the bans; pale: 99 of 100; round trips at the left; logarithmic")
	drawScale(&b, height)
	for i, l := range links {
		y := chartTop + i*groupStep
		drawText(&b, chartLeft-8, y+barStep+barHeight, "end", l.name)
		for j, f := range []figure{l.propagation, l.confirmation, l.resume} {
			drawBar(&b, j, y+j*barStep, f)
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// drawScale draws a line at each power of ten.
func drawScale(w *bytes.Buffer, height int) {
	for at := chartLeast; at <= chartMost; at *= 10 {
		x := chartLeft + along(at)
		fmt.Fprintf(w, `<line class="grid" x1="%d" y1="%d" x2="%[1]d" y2="%[3]d"/>`, x, chartTop-8, height-20)
		drawText(w, x, height-6, "middle", at.String())
	}
}

func drawBar(w *bytes.Buffer, kind, y int, f figure) {
	fmt.Fprintf(w, `<rect class="bar%d p99" x="%d" y="%d" width="%d" height="%d"/>`, kind, chartLeft, y, along(f.p99), barHeight)
	fmt.Fprintf(w, `<rect class="bar%d" x="%d" y="%d" width="%d" height="%d"/>`, kind, chartLeft, y, along(f.p50), barHeight)
	drawText(w, chartLeft+along(f.p99)+5, y+barHeight-1, "start", duration(f.p50)+", "+duration(f.p99))
}

// along is how far from the bars' beginning a time is; what is off the scale is at its end.
func along(d time.Duration) int {
	share := math.Log(float64(max(d, 1))/float64(chartLeast)) / math.Log(float64(chartMost)/float64(chartLeast))
	return int(math.Round(min(max(share, 0), 1) * (chartWidth - chartLeft - chartRight)))
}

func drawText(w *bytes.Buffer, x, y int, anchor, text string) {
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="%s">`, x, y, anchor)
	_ = xml.EscapeText(w, []byte(text)) // memory takes it
	w.WriteString("</text>\n")
}
