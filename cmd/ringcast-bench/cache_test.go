package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestObjectPath reads each path that can be written.
func TestObjectPath(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := object{
			size:   rapid.IntRange(0, maxObject).Draw(t, "size"),
			id:     rapid.IntRange(0, 1<<40).Draw(t, "id"),
			tagged: rapid.Bool().Draw(t, "tagged"),
		}
		if got, err := parseObject(want.path()); err != nil || got != want {
			t.Errorf("%s is %+v, error %v; want %+v", want.path(), got, err, want)
		}
	})
	for _, path := range []string{"", "/", "/1", "/1/", "/1/x", "/-1/1", "/1/-1", "/1048577/1", "/other/1/1"} {
		if o, err := parseObject(path); err == nil {
			t.Errorf("%q is %+v", path, o)
		}
	}
}

// TestBodiesDiffer makes sure that one object is not taken for another.
func TestBodiesDiffer(t *testing.T) {
	t.Parallel()
	b, seen := newBodies(), map[string]int{}
	for id := range 10_000 {
		body := string(b.of(object{size: 16, id: id}))
		if other, ok := seen[body]; ok {
			t.Fatalf("%d and %d have the same body", id, other)
		}
		seen[body] = id
	}
	if last := b.of(object{size: maxObject, id: bodyStarts - 1}); len(last) != maxObject {
		t.Errorf("a body of %d bytes", len(last))
	}
}

// TestCallers asks the origin itself, for small objects and for some that take
// several reads, of which most are not looked at.
func TestCallers(t *testing.T) {
	t.Parallel()
	b := newBodies()
	origin, err := startObjectOrigin(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []limits{
		{connections: 1, calls: 100, time: time.Minute},
		{connections: 7, calls: 500, time: time.Minute},
		{connections: 3, calls: 200, time: time.Minute, rate: 2000},
		{connections: 7, calls: 2, time: time.Minute, rate: 1e9}, // all are due at once
	} {
		before := origin.asked.Load()
		next := inTurn([]object{{size: 0, id: 1}, {size: 1000, id: 2}, {size: maxObject, id: 3}, {size: 300_000, id: 4, tagged: true}})
		p, err := l.call(t.Context(), origin.address, b, next)
		if err != nil {
			t.Fatal(err)
		}
		if asked := origin.asked.Load() - before; asked != l.calls || p.perSecond <= 0 || p.p99 < p.p50 || p.p50 <= 0 {
			t.Errorf("%+v: the origin was asked %d times, %+v", l, asked, p)
		}
	}
	if err := errors.Join(origin.stop(), origin.stop()); err != nil {
		t.Error(err)
	}
}

// TestCallersKeepARate sees that requests are neither early nor lost.
func TestCallersKeepARate(t *testing.T) {
	t.Parallel()
	b := newBodies()
	origin, err := startObjectOrigin(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	defer origin.stop()
	start := time.Now()
	l := limits{connections: 2, calls: 200, time: time.Minute, rate: 1000}
	if _, err := l.call(t.Context(), origin.address, b, inTurn([]object{{size: 10}})); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("200 requests at 1,000 a second took %s", took)
	}
}

// TestCallersNotice gives answers that are wrong.
func TestCallersNotice(t *testing.T) {
	t.Parallel()
	b := newBodies()
	o := object{size: 100, id: 7}
	right := string(appendHeader(nil, o)) + string(b.of(o))
	for _, tt := range []struct {
		name, answer string
		want         error
	}{
		{"another status", strings.Replace(right, "200", "502", 1), errHeader},
		{"no length", strings.Replace(right, "Content-Length", "Content-Breadth", 1), errHeader},
		{"a length that is more", strings.Replace(right, "Length: 100", "Length: 101", 1), errBody},
		{"a length that is less", strings.Replace(right, "Length: 100", "Length: 99", 1), errBody},
		{"another body", string(appendHeader(nil, o)) + string(b.of(object{size: 100, id: 8})), errBody},
		{"an end too soon", right[:len(right)-1], errClosed},
		{"no end of the header", strings.Repeat("x", 2*maxAnswerHeader), errHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address := answerOnce(t, tt.answer)
			l := limits{connections: 1, calls: 1, time: time.Minute}
			if _, err := l.call(t.Context(), address, b, inTurn([]object{o})); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// answerOnce answers one request and closes the connection.
func answerOnce(t *testing.T, answer string) (address string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, firstRead)) // the client says if it gets nothing
		_, _ = conn.Write([]byte(answer))
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

// TestBare has the load and the server that does nothing else meet.
func TestBare(t *testing.T) {
	t.Parallel()
	b, o := newBodies(), object{size: 1 << 10}
	s, err := startBare(-1, 4, o, b)
	if err != nil {
		t.Fatal(err)
	}
	l := limits{connections: 4, calls: 1000, time: time.Minute}
	if _, err := l.call(t.Context(), s.address, b, inTurn([]object{o})); err != nil {
		t.Error(err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestZipf sees that most requests are for few objects, and that all are possible.
func TestZipf(t *testing.T) {
	t.Parallel()
	w := (&cacheCosts{objects: 1000}).zipf()
	counts, next := map[object]int{}, w.next(1)
	for range 100_000 {
		counts[next()]++
	}
	most := 0
	for o, n := range counts {
		most = max(most, n)
		if o != w.fill[o.id] {
			t.Fatalf("%+v is not of the working set", o)
		}
	}
	if len(counts) < 900 || most < 5_000 {
		t.Errorf("%d objects of 1,000, one of them %d times of 100,000", len(counts), most)
	}
}

// TestCacheSmoke runs the benchmark at a tiny size, with what is installed.
func TestCacheSmoke(t *testing.T) {
	t.Parallel()
	ringcast := filepath.Join(t.TempDir(), "ringcast")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", ringcast, product).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
	dir := t.TempDir()
	line := "cache --pin=false --rounds 1 --time 50ms --connections 4 --objects 50 --entries 500 --only small,misses,zipf,entries --binary " + ringcast
	var out, errOut bytes.Buffer
	if code := run(append(strings.Fields(line), "--dir", dir, "--timeout", "2m"), &out, &errOut); code != 0 {
		t.Fatalf("exit code %d\n%s", code, errOut.String())
	}
	for _, want := range []string{
		"1 KiB, 1,000 hot", "0%, then 100%", "50 by Zipf", bareSide,
		"500 entries on disk", "after SIGKILL", "one tag of 500 entries", "100%, 0%",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
}

// TestCallersEnd ends a load before its time.
func TestCallersEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	b := newBodies()
	origin, err := startObjectOrigin(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	defer origin.stop()
	asked := 0
	next := func() object {
		if asked++; asked == 100 {
			cancel()
		}
		return object{size: 10}
	}
	l := limits{connections: 2, calls: 1 << 40, time: time.Minute}
	if _, err := l.call(ctx, origin.address, b, next); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the end of the context", err)
	}
}

func TestCacheUsage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"cache --only nonsense":                "it is one of small",
		"cache --rounds 0":                     "nothing to measure",
		"cache --pin=false --binary /not/here": "/not/here",
	} {
		var out, errOut bytes.Buffer
		args := append(strings.Fields(line), "--dir", t.TempDir())
		if code := run(args, &out, &errOut); code != 1 || !strings.Contains(errOut.String(), want) || out.Len() > 0 {
			t.Errorf("%s: exit code %d, output %q, errors %q", line, code, out.String(), errOut.String())
		}
	}
}
