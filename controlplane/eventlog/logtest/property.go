package logtest

import (
	"fmt"
	"net/netip"
	"time"

	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// shortRetention is odd in seconds where every other time of the property is
// even, so that nothing is ever due at the very moment.
func shortRetention() eventlog.Retention {
	return eventlog.Retention{Tombstone: 9 * time.Second, Moment: 5 * time.Second, MomentMax: 3}
}

// againstModel lets anything happen to a log and to a model, and has readers
// follow the log meanwhile. In the end a reader resumes from each position.
func againstModel(t tb, open Opener) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t, open)
		mutate := func(most int) func(*rapid.T) {
			return func(t *rapid.T) { m.append(mutations(t, most)) }
		}
		t.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"one":      mutate(1),
			"another":  mutate(1),
			"one more": mutate(1),
			"batch":    mutate(3),
			"large":    mutate(targets),
			"wait":     m.wait,
			"compact":  m.compact,
			"reopen":   func(*rapid.T) { m.reopen() },
			"follow":   m.follow,
		})
		m.resumeEverywhere(t)
	})
}

type machine struct {
	*subject
	model *model
	// reader reads a page now and then, while the log goes on.
	reader *follower
}

func newMachine(t *rapid.T, open Opener) *machine {
	s := start(t, open, shortRetention())
	return &machine{
		subject: s,
		model:   newModel(shortRetention(), s.head().Epoch),
		reader:  newFollower(map[string]controlplane.Event{}, 0),
	}
}

func (m *machine) append(decide controlplane.Decision) {
	want, refusal := m.model.append(decide, m.clock.Now())
	if refusal != nil {
		_, err := m.subject.try(decide)
		m.equal("refusal", fmt.Sprint(refusal), fmt.Sprint(err))
		return
	}
	m.equal("receipt", want, m.subject.append(decide))
}

func (m *machine) wait(t *rapid.T) {
	m.clock.advance(evenSeconds(1, 5).Draw(t, "wait"))
}

func (m *machine) compact(t *rapid.T) {
	m.clock.advance(evenSeconds(0, 5).Draw(t, "wait"))
	m.model.compact(m.clock.Now())
	m.subject.compact()
}

func (m *machine) follow(t *rapid.T) {
	page := m.page(m.reader.cursor, limits().Draw(t, "limit"))
	if m.reader.take(page) {
		m.level("a reader that follows now and then", m.reader)
	}
}

// level compares what a reader at the head has in force, by positions.
func (m *machine) level(who string, f *follower) {
	now := m.clock.Now()
	m.equal("state of "+who, live(m.model.at(m.model.head.Position), now), live(f.state, now))
}

func (m *machine) check(*rapid.T) {
	m.equal("head", m.model.head, m.head())
	committed := m.sink.all()
	m.equal("positions committed", positions(m.model.units), positions(committed))
	m.equal("units committed", tail(m.model.units), tail(committed))
	count, err := m.log.Count(m.t.Context(), "")
	if want := len(m.model.entries(m.clock.Now())); err != nil || count != uint64(want) {
		m.t.Fatalf("Count: %d, %v; want %d", count, err, want)
	}
}

func (m *machine) resumeEverywhere(t *rapid.T) {
	m.equal("list", m.model.entries(m.clock.Now()), m.list("", limits().Draw(t, "limit")))
	m.equal("units", m.model.left(0), m.read(0, limits().Draw(t, "limit")))
	for position := range m.model.head.Position + 1 {
		m.resume(position, limits().Draw(t, "limit"))
	}
}

// resume follows the log from a position to the head.
func (m *machine) resume(position uint64, limit int) {
	f := newFollower(m.model.at(position), position)
	var read []controlplane.Unit
	for level := false; !level; {
		page := m.page(f.cursor, limit)
		read = append(read, page.Units...)
		if level = f.take(page); f.resets > 1 {
			m.t.Fatalf("a reader from %d was reset %d times", position, f.resets)
		}
	}
	who := fmt.Sprintf("a reader from %d", position)
	m.level(who, f)
	switch below := position < m.model.head.Horizon; {
	case below != (f.resets > 0):
		m.t.Fatalf("%s was reset %d times; the horizon is %d", who, f.resets, m.model.head.Horizon)
	case !below:
		m.equal("units to "+who, outline(m.model.left(position)), outline(read))
		m.equal("moments to "+who, m.momentsAfter(position, m.model.units), m.momentsAfter(position, read))
	}
}

// momentsAfter picks the moment events that a reader from a position must have
// seen.
func (m *machine) momentsAfter(position uint64, units []controlplane.Unit) []uint64 {
	var list []uint64
	for _, u := range units {
		for _, e := range u.Events {
			if e.Moment() && e.Position > max(position, m.model.head.MomentHorizon) {
				list = append(list, e.Position)
			}
		}
	}
	return list
}

// tail is the last unit.
func tail(units []controlplane.Unit) []controlplane.Unit { return units[max(len(units)-1, 0):] }

func limits() *rapid.Generator[int] { return rapid.SampledFrom([]int{1, 2, 3, 5, 8, 100}) }

func evenSeconds(least, most int) *rapid.Generator[time.Duration] {
	return rapid.Map(rapid.IntRange(least, most), func(n int) time.Duration { return 2 * time.Duration(n) * time.Second })
}

// targets are the things that mutations are about: few, so that they meet.
const targets = 8

// mutations draws a unit of mutations, each about another target.
func mutations(t *rapid.T, most int) controlplane.Decision {
	about := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7}).Draw(t, "about")
	decisions := make([]controlplane.Decision, rapid.IntRange(1, most).Draw(t, "mutations"))
	for i := range decisions {
		decisions[i] = mutation(t, about[i])
	}
	return func(s controlplane.State) ([]controlplane.Event, error) {
		var unit []controlplane.Event
		for _, decide := range decisions {
			events, err := decide(s)
			if err != nil {
				return nil, err
			}
			unit = append(unit, events...)
		}
		return unit, nil
	}
}

// mutation draws what happens to a target: addresses, tokens, prefixes that allow
// some of the addresses, and a tag.
func mutation(t *rapid.T, target int) controlplane.Decision {
	ttl := rapid.OneOf(rapid.Just(time.Duration(0)), evenSeconds(1, 8)).Draw(t, "ttl")
	takenBack := rapid.Bool().Draw(t, "taken back")
	switch {
	case target < 3 && takenBack:
		return controlplane.Unban{IP: address(target)}.Decide
	case target < 3:
		return controlplane.Ban{IP: address(target), TTL: ttl, Automatic: rapid.Bool().Draw(t, "automatic")}.Decide
	case target < 5 && takenBack:
		return controlplane.Restoration{Token: token(target)}.Decide
	case target < 5:
		return controlplane.Revocation{Token: token(target), TTL: ttl}.Decide
	case target < 7 && takenBack:
		return controlplane.RemoveAllow{IP: around(target)}.Decide
	case target < 7:
		return controlplane.Allow{IP: around(target), TTL: ttl}.Decide
	default:
		return controlplane.Invalidation{Tags: []string{fmt.Sprint(ttl)}}.Decide
	}
}

func address(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 32)
}

// around is a prefix that covers the first two addresses, or the first alone.
func around(target int) netip.Prefix { return netip.PrefixFrom(address(0).Addr(), 26+target) }

func token(n int) wire.TokenRef { return wire.TokenRef{Subject: fmt.Sprint("user ", n)} }
