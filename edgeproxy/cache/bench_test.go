package cache

import (
	"fmt"
	"testing"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

func BenchmarkHit(b *testing.B) {
	r := newRig(b, Config{})
	r.clock.now = time.Now()
	r.outcome(b, get("/a"), always(func() *Response {
		return respond(200, "body", "Cache-Control: max-age=60", "Cache-Tag: a,b,c", "Vary: Accept-Encoding")
	}))
	request := get("/a", "Accept-Encoding: gzip")
	r.outcome(b, request, always(func() *Response {
		return respond(200, "body", "Cache-Control: max-age=60", "Cache-Tag: a,b,c", "Vary: Accept-Encoding")
	}))
	b.ReportAllocs()
	for b.Loop() {
		if r.Begin(request).Action != Serve {
			b.Fatal("not a hit")
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	table := newTable()
	for i := range 100_000 {
		table.put(tagSelector(fmt.Sprintf("post:%d", i)), fence{hard: uint64(i)})
	}
	for i := range 1000 {
		table.put(tagSelector(fmt.Sprintf("user:%d*", i)), fence{hard: 1})
		table.put(keySelectors(fmt.Sprintf("/dir/%d*", i))[0], fence{hard: 1})
	}
	f := NewFences(time.Now)
	f.table = table
	p := newPlace("http", "www.example.com", "/articles/12345?page=2")
	tags := []string{"post:5", "post:99999", "site", "user:7"}
	b.ReportAllocs()
	for b.Loop() {
		f.judge(1<<40, &p, tags)
	}
}

// BenchmarkLargeInvalidation puts one of 1000 tags in force. A batch may have a
// hundred, and whatever follows it waits.
func BenchmarkLargeInvalidation(b *testing.B) {
	tags := make([]string, 1000)
	for i := range tags {
		tags[i] = fmt.Sprintf("post:%d", i)
	}
	s, f := newStateFile(b), NewFences(time.Now)
	if err := f.Load(b.Context(), s.db); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		apply(b, s, f, &wire.CacheInvalidated{Tags: tags})
	}
}
