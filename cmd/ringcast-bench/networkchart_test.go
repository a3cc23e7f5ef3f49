package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestChart(t *testing.T) {
	t.Parallel()
	some := figure{p50: 40 * time.Millisecond, p99: 80 * time.Millisecond}
	chart := string(chartOf([]linkFigures{
		{"<slow> & long", some, some, some, some},
		{"negative", figure{-time.Millisecond, time.Hour}, some, some, some},
	}, 2*time.Second))
	decoder := xml.NewDecoder(strings.NewReader(chart))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not XML: %v\n%s", err, chart)
		}
	}
	for _, want := range []string{"&lt;slow&gt; &amp; long", ">40ms, 80ms<", ">-1ms, 1h0m0s<", "a cut of 2s", ">1ms<", ">10s<", `x2="688" y2="176"`} {
		if !strings.Contains(chart, want) {
			t.Errorf("%q is missing in:\n%s", want, chart)
		}
	}
}

func TestAlong(t *testing.T) {
	t.Parallel()
	const whole = chartWidth - chartLeft - chartRight
	for at, want := range map[time.Duration]int{
		-time.Second: 0, 0: 0, time.Millisecond: 0, 100 * time.Millisecond: whole / 2, 10 * time.Second: whole, time.Hour: whole,
	} {
		if got := along(at); got != want {
			t.Errorf("%s is %d along, not %d", at, got, want)
		}
	}
}
