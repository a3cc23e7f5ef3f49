package stream

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

func publish(channel, eventType, data string) controlplane.Decision {
	return controlplane.Publication{Channel: channel, Type: eventType, Data: data}.Decide
}

// Names of which filters and events are made; some are prefixes of others.
var (
	someTypes    = []string{"ip_banned", "cache_invalidated", "preload_hinted", "chat", "note"}
	someChannels = []string{"a", "ab", "b", "default"}
	channelNames = append([]string{"a*", "ab*", "*", "c*"}, someChannels...)
	someTags     = []string{"posts:1", "posts:*", "post*", "user:7", "user:*", "u", "x:*"}
	tagNames     = append([]string{"*"}, someTags...)
)

func anyOf(list []string) []string {
	some := slices.Clone(list)
	rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	return some[:1+rand.IntN(3)]
}

// anyMutation makes an event of any kind. No ban is of an address that had one, so
// that log and ring have the same.
func anyMutation(n int) controlplane.Decision {
	switch rand.IntN(6) {
	case 0:
		return ban(n)
	case 1:
		return controlplane.Preload{Routes: []string{fmt.Sprint("/", n)}}.Decide
	case 2:
		return controlplane.Invalidation{Tags: anyOf(someTags), Keys: []string{"/k"}, All: rand.IntN(2) == 0}.Decide
	case 3:
		return controlplane.Invalidation{Tags: anyOf(someTags)}.Decide
	default:
		return publish(anyOf(someChannels)[0], []string{"chat", "note"}[rand.IntN(2)], fmt.Sprintf("line\n%d", n))
	}
}

// naive is what a subscriber hears of an event, by looking at each name: type and
// data, or "".
func naive(query url.Values, e controlplane.Event) string {
	for parameter, concerned := range map[string][]string{"types": {e.Type}, "channels": {e.Channel}} {
		names, given := query[parameter]
		if parameter == "channels" && e.Channel == "" || parameter == "types" && !given {
			continue
		}
		if !given || !overlap(strings.Split(names[0], ","), concerned[0]) {
			return ""
		}
	}
	if query.Has("tags") && e.Type == wire.TypeCacheInvalidated {
		var i wire.CacheInvalidated
		_ = json.Unmarshal(e.Data, &i)
		tags := []string{}
		for _, tag := range i.Tags {
			if overlap(strings.Split(query.Get("tags"), ","), tag) {
				tags = append(tags, tag)
			}
		}
		if len(tags)+len(i.Keys) == 0 && !i.All {
			return ""
		}
		i.Tags = tags
		e.Data, _ = json.Marshal(&i)
	}
	return e.Type + " " + string(e.Data)
}

// overlap looks for a name that two patterns match. Where there is one, what stands
// before the star of either is one.
func overlap(patterns []string, other string) bool {
	match := func(pattern, name string) bool {
		prefix, star := strings.CutSuffix(pattern, "*")
		return name == pattern || star && strings.HasPrefix(name, prefix)
	}
	for _, pattern := range patterns {
		for _, witness := range []string{pattern, other} {
			witness = strings.TrimSuffix(witness, "*")
			if match(pattern, witness) && match(other, witness) {
				return true
			}
		}
	}
	return false
}

func drawFilter(t *rapid.T) url.Values {
	query := url.Values{}
	for parameter, names := range map[string][]string{"types": someTypes, "channels": channelNames, "tags": tagNames} {
		list := rapid.SliceOfN(rapid.SampledFrom(names), 0, 4).Draw(t, parameter)
		if len(list) > 0 {
			query.Set(parameter, strings.Join(list, ","))
		}
	}
	return query
}

// heard lists types and data of a stream's events, and the last id before synced.
func heard(frames []frame) (events []string, lastID string) {
	for _, f := range frames {
		switch f.kind {
		case wire.FrameConnected, wire.FrameReset, wire.FrameSynced, wire.FramePosition, wire.FrameGap:
		default:
			events = append(events, f.kind+" "+f.data)
		}
		if f.id != "" {
			lastID = f.id
		}
	}
	return events, lastID
}

// TestFiltersAgainstModel resumes at every position, and from nothing, with any
// filter: what arrives is what a naive filter leaves of the log. The ring has all of
// it in one run and the end in the other.
func TestFiltersAgainstModel(t *testing.T) {
	t.Parallel()
	for _, ringUnits := range []int{1000, 10} {
		t.Run(fmt.Sprint(ringUnits), func(t *testing.T) {
			t.Parallel()
			p := newPlane(t, options{ringUnits: ringUnits})
			for n := range 40 {
				p.append(anyMutation(2 * n))
				p.append(anyMutation(2*n+1), publish("a", "chat", "x"), publish("b", "note", "y"))
			}
			page, err := p.log.Read(t.Context(), 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			head := fmt.Sprintf("%s-%d", p.epoch(), page.Head.Position)
			ends := []uint64{0, page.Head.Position + 1} // the latter stands for no id
			for _, unit := range page.Units {
				ends = append(ends, unit.Position)
			}
			rapid.Check(t, func(t *rapid.T) {
				query := drawFilter(t)
				after := rapid.SampledFrom(ends).Draw(t, "after")
				id := fmt.Sprintf("%s-%d", p.epoch(), after)
				if after > page.Head.Position {
					id = ""
				}
				var want []string
				for _, unit := range page.Units {
					for _, e := range unit.Events {
						if text := naive(query, e); text != "" && (id == "" && !e.Moment() || id != "" && unit.Position > after) {
							want = append(want, text)
						}
					}
				}
				got, last := heard(p.open(query.Encode()+"&follow=false", id).rest())
				if diff := cmp.Diff(want, got); diff != "" || last != head {
					t.Fatalf("%v from %q: last id %s, head %s (-want +got):\n%s", query, id, last, head, diff)
				}
			})
		})
	}
}

// TestFilteredSubscriber hears at the head what it named alone, and learns of the
// position of what it did not.
func TestFilteredSubscriber(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	chat := p.open("channels=room:*&types=chat", wire.Latest)
	chat.until(wire.FrameSynced)
	all, edge := p.open("", wire.Latest), p.open("node=e", wire.Latest)
	all.until(wire.FrameSynced)
	edge.until(wire.FrameSynced)

	p.append(publish("room:1", "chat", "{}\n\n"))
	if got, want := chat.until("chat"), (frame{"chat", p.epoch() + "-1", "{}\n\n"}); len(got) != 1 || got[0] != want {
		t.Errorf("%v, want %v", got, want)
	}
	p.append(publish("room", "chat", ""))
	p.append(ban(1))
	for name, r := range map[string]*reading{"a subscriber without channels": all, "an edge": edge} {
		got, _ := heard(r.until("ip_banned"))
		if len(got) != 1 {
			t.Errorf("%s hears %v", name, got)
		}
	}
	last := p.append(publish("room:1", "other", ""))
	for id := ""; id != fmt.Sprintf("%s-%d", p.epoch(), last); {
		f := chat.until(wire.FramePosition)
		id = f[len(f)-1].id
		if len(f) != 1 {
			t.Errorf("chat hears %v", f)
		}
	}
	edge.until(wire.FramePosition)
	if n := p.ring.Views(); n != 1 {
		t.Errorf("%d views", n)
	}
}

// TestFiltersAreFreed waits for what readers shared to go with the last of them.
func TestFiltersAreFreed(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	first, second := p.open("types=a,b", wire.Latest), p.open("types=b,a,b", wire.Latest)
	first.until(wire.FrameSynced)
	second.until(wire.FrameSynced)
	if n := p.ring.Views(); n != 1 {
		t.Errorf("%d views of one filter", n)
	}
	first.body.Close()
	second.body.Close()
	for deadline := time.Now().Add(10 * time.Second); p.ring.Views() > 0; {
		p.append(ban(1))
		if time.Now().After(deadline) {
			t.Fatal("what they shared is still there")
		}
	}
}

// TestRetentionOfPublished: what is beyond the retention is a gap for subscribers
// with a filter, too, and what is within it is not.
func TestRetentionOfPublished(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{ringUnits: 1})
	p.append(publish("a", "chat", "old"))
	p.clock.advance(2 * time.Minute)
	p.append(publish("a", "chat", "new"))
	p.append(ban(1))
	if err := p.log.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := p.open("channels=a&types=chat&follow=false", p.epoch()+"-0").rest()
	if diff := cmp.Diff([]string{"connected", "gap", "chat", "position", "synced"}, kinds(got)); diff != "" || got[2].data != "new" {
		t.Errorf("%v (-want +got):\n%s", got, diff)
	}
}

// TestBadFilters are refused with a sentence.
func TestBadFilters(t *testing.T) {
	t.Parallel()
	p := newPlane(t, options{})
	for _, query := range []string{"types=", "channels=", "tags=", "types=a,,b", "channels=a*b", "types=a*", "tags=a*b", "channels=a%20b", "tags=%0a", "types=a&node=e"} {
		resp := p.get(t.Context(), query, "")
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusBadRequest || len(body) < 20 {
			t.Errorf("%s: %s %q %v", query, resp.Status, body, err)
		}
	}
	for parameter, value := range map[string]string{"channels": "a.b_c:d/e@f~g-h*,*", "tags": "é b,*"} {
		if resp := p.get(t.Context(), parameter+"="+url.QueryEscape(value)+"&follow=false", ""); resp.StatusCode != http.StatusOK {
			t.Errorf("%s=%s: %s", parameter, value, resp.Status)
		}
	}
}
