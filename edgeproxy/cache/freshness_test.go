package cache

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestReadTags(t *testing.T) {
	t.Parallel()
	got, err := readTags("http://h", fieldsOf(
		"X-Cache-Tags: b, a ,,b", "Cache-Tag: c", "Cache-Tag: d,e", "Cache-Tags: F", "Surrogate-Key: g  h",
		`Cache-Groups: "i j", "k\"l";x;y=1`, `Cache-Groups: "m"`,
	))
	want := []string{
		groupTag("http://h", "i j"), groupTag("http://h", `k"l`), groupTag("http://h", "m"),
		"F", "a", "b", "c", "d", "e", "g", "h", "i j", `k"l`, "m",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// TestFreshness has Begin agree with RFC 9111, section 4.2, as restated by message:
// random fields, a slow origin, and requests around the end of the lifetime.
func TestFreshness(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := New(Config{MaxBytes: 1 << 24, MaxEntries: 1000, MaxObject: 1 << 10, Now: clock.Now}, NewFences(clock.Now), nil)
	t.Cleanup(c.Close)
	targets := 0
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		targets++
		request := get("/" + strconv.Itoa(targets))
		a, err := c.Do(context.Background(), request, c.Begin(request), func(context.Context, Question) (*Response, error) {
			clock.advance(m.delay)
			return respond(200, "x", m.lines(clock.Now())...), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(a.Body); err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close() // never fails

		lifetime, age := m.lifetime(), m.initialAge()
		resident := max(0, (lifetime-age).Truncate(time.Second)+time.Duration(rapid.IntRange(-3, 3).Draw(t, "around the end"))*time.Second)
		clock.advance(resident)
		d := c.Begin(request)
		if fresh := lifetime > age+resident; fresh != (d.Action == Serve) {
			t.Fatalf("%q: lifetime %v, age %v: fresh is %v, Begin gives %v", m.lines(clock.Now()), lifetime, age+resident, fresh, d.Outcome)
		}
		if d.Action != Serve {
			return
		}
		if ttl := int((lifetime - age - resident) / time.Second); d.Entry.Age(clock.Now()) != age+resident || d.Outcome.TTL != ttl {
			t.Fatalf("%q: age is %v, want %v; ttl is %d, want %d", m.lines(clock.Now()), d.Entry.Age(clock.Now()), age+resident, d.Outcome.TTL, ttl)
		}
	})
}

// value is a field or directive that may be absent or wrong.
type value struct {
	there, valid bool
	time.Duration
}

func drawValue(t *rapid.T, name string, least, most int) value {
	kind := rapid.IntRange(0, 4).Draw(t, name+" kind")
	n := rapid.IntRange(least, most).Draw(t, name)
	return value{kind > 1, kind > 2, time.Duration(n) * time.Second}
}

// message is a response. Dates count from when it came.
type message struct {
	date, expires, modified, age value
	maxAge, sharedMaxAge         value
	// targeted are the two fields that come before Cache-Control.
	targeted [2]struct{ field, maxAge, sharedMaxAge value }
	delay    time.Duration
	swapped  bool // s-maxage comes before max-age
}

func drawMessage(t *rapid.T) *message {
	m := &message{
		date: drawValue(t, "Date", -40, 40), expires: drawValue(t, "Expires", -40, 200),
		modified: drawValue(t, "Last-Modified", -2_000_000, 10), age: drawValue(t, "Age", 0, 40),
		maxAge: drawValue(t, "max-age", 0, 100), sharedMaxAge: drawValue(t, "s-maxage", 0, 100),
		delay:   time.Duration(rapid.IntRange(0, 9).Draw(t, "delay")) * time.Second,
		swapped: rapid.Bool().Draw(t, "swapped"),
	}
	if rapid.Bool().Draw(t, "says nothing of time") {
		m.expires, m.maxAge, m.sharedMaxAge = value{}, value{}, value{}
		return m
	}
	for i := range m.targeted {
		f := &m.targeted[i]
		f.field = drawValue(t, "targeted", 0, 0)
		f.maxAge, f.sharedMaxAge = drawValue(t, "targeted max-age", 0, 100), drawValue(t, "targeted s-maxage", 0, 100)
	}
	return m
}

// initialAge is section 4.2.3.
func (m *message) initialAge() time.Duration {
	apparent, corrected := time.Duration(0), m.delay
	if m.date.valid && m.date.Duration < 0 {
		apparent = -m.date.Duration
	}
	if m.age.valid {
		corrected += m.age.Duration
	}
	return max(apparent, corrected)
}

// lifetime is section 4.2.1, with section 4.2.2 and, before them, RFC 9213.
func (m *message) lifetime() time.Duration {
	for _, f := range m.targeted {
		switch {
		case !f.field.valid:
			continue
		case f.sharedMaxAge.valid: // a wrong one is not there
			return f.sharedMaxAge.Duration
		case f.maxAge.valid:
			return f.maxAge.Duration
		}
		return m.heuristic()
	}
	switch {
	case m.sharedMaxAge.there:
		return m.sharedMaxAge.orZero()
	case m.maxAge.there:
		return m.maxAge.orZero()
	case m.expires.there && !m.expires.valid:
		return 0
	case m.expires.there:
		return max(0, m.expires.Duration-m.date.orZero())
	}
	return m.heuristic()
}

func (m *message) heuristic() time.Duration {
	if !m.modified.valid {
		return 0
	}
	return min(max(0, m.date.orZero()-m.modified.Duration)/10, 24*time.Hour)
}

// orZero is for what is stale when wrong, and for a Date that counts from when the
// message came.
func (v value) orZero() time.Duration {
	if !v.valid {
		return 0
	}
	return v.Duration
}

func (m *message) lines(came time.Time) []string {
	var lines []string
	for name, v := range map[string]value{"Date": m.date, "Expires": m.expires, "Last-Modified": m.modified} {
		if v.there {
			lines = append(lines, name+": "+v.or(came.Add(v.Duration).UTC().Format(http.TimeFormat), "0"))
		}
	}
	if m.age.there {
		lines = append(lines, "Age: "+m.age.seconds())
	}
	lines = append(lines, "Cache-Control: "+strings.Join(timesOf(m.maxAge, m.sharedMaxAge, m.swapped), ", "))
	for i, f := range m.targeted {
		if f.field.there {
			members := append(timesOf(f.maxAge, f.sharedMaxAge, m.swapped), "foo")
			lines = append(lines, []string{"Ringcast-Cache-Control", "Cdn-Cache-Control"}[i]+": "+f.field.or(strings.Join(members, ", "), "max-age=99 junk"))
		}
	}
	return lines
}

func timesOf(maxAge, shared value, swapped bool) []string {
	var list []string
	if maxAge.there {
		list = append(list, "max-age="+maxAge.seconds())
	}
	if shared.there {
		list = append(list, "s-maxage="+shared.seconds())
	}
	if swapped {
		slices.Reverse(list)
	}
	return list
}

func (v value) seconds() string { return v.or(strconv.Itoa(int(v.Duration/time.Second)), "x") }

func (v value) or(valid, wrong string) string {
	if v.valid {
		return valid
	}
	return wrong
}
