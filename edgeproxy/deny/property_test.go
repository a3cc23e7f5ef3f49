package deny

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/internal/wire"
)

// world is the list under test, beside the model of what is in force and the
// model of what a reset has built.
type world struct {
	*fixture
	rt    *rapid.T
	model *model
	aside *model
	// built is an index that was read and is not in place yet.
	built *index
}

// A few prefixes inside one another, and addresses in and beside them.
var (
	somePrefixes = []string{
		"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.0/31", "10.1.2.0", "10.1.2.1", "10.2.0.0/15",
		"2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::/64", "2001:db8:1::5", "2001:db8:1::/127", "2001:db8:1::1", "2001::/16",
	}
	someAddrs = []string{
		"10.1.2.0", "10.1.2.1", "10.1.2.2", "10.1.3.0", "10.2.0.1", "10.9.9.9", "11.0.0.0", "::ffff:10.1.2.1", "64:ff9b::10.1.2.1",
		"2001:db8:1::", "2001:db8:1::1", "2001:db8:1::1%eth0", "2001:db8:1:1::", "2001:db8::5", "2001::1", "::1",
	}
	someNames = []string{"a", "b"}
)

func (w *world) expiry() int64 {
	return rapid.SampledFrom([]int64{0, -3, 0, 1, 2, 5}).Draw(w.rt, "ttl")
}

// ends turns a time to live, 0 for ever, into a Unix second.
func (w *world) ends(ttl int64) int64 {
	if ttl == 0 {
		return 0
	}
	return w.clock.seconds.Load() + ttl
}

func (w *world) ref() wire.TokenRef {
	name := rapid.SampledFrom(someNames).Draw(w.rt, "name")
	switch rapid.IntRange(0, 2).Draw(w.rt, "kind") {
	case 0:
		return wire.TokenRef{JTI: name}
	case 1:
		return wire.TokenRef{Subject: name}
	}
	return wire.TokenRef{TokenHash: strings.Repeat(name, hashHexLen)}
}

func (w *world) event() any {
	ip := w.prefix()
	switch rapid.IntRange(0, 7).Draw(w.rt, "event") {
	case 0, 1:
		return &wire.IPBanned{
			IP: ip, Reason: fmt.Sprint(rapid.IntRange(0, 99).Draw(w.rt, "reason")),
			Automatic: rapid.Bool().Draw(w.rt, "automatic"), ExpiresAt: w.ends(w.expiry()),
		}
	case 2:
		ago := rapid.Int64Range(0, 3).Draw(w.rt, "seconds ago")
		return &wire.IPUnbanned{IP: ip, Timestamp: w.clock.seconds.Load() - ago}
	case 3, 4:
		revoked := &wire.TokenRevoked{TokenRef: w.ref(), ExpiresAt: w.ends(w.expiry())}
		if revoked.Subject != "" {
			revoked.IssuedBefore = w.clock.seconds.Load() + int64(rapid.IntRange(-2, 2).Draw(w.rt, "issued before"))
		}
		return revoked
	case 5:
		return &wire.IPAllowed{IP: ip, ExpiresAt: w.ends(w.expiry())}
	case 6:
		return &wire.IPAllowRemoved{IP: ip}
	}
	return &wire.TokenRestored{TokenRef: w.ref()}
}

// plain is the address that a text means.
func plain(text string) netip.Addr {
	if ip4, ok := strings.CutPrefix(text, "64:ff9b::"); ok {
		text = ip4
	}
	return netip.MustParseAddr(text).Unmap().WithZone("")
}

// prefix gives a known prefix, or one of any length around a known address.
func (w *world) prefix() string {
	if rapid.Bool().Draw(w.rt, "known") {
		return rapid.SampledFrom(somePrefixes).Draw(w.rt, "ip")
	}
	addr := plain(rapid.SampledFrom(someAddrs).Draw(w.rt, "addr"))
	least := wire.MinPrefixBits6
	if addr.Is4() {
		least = wire.MinPrefixBits4
	}
	bits := rapid.IntRange(least, addr.BitLen()).Draw(w.rt, "bits")
	return wire.FormatPrefix(netip.PrefixFrom(addr, bits).Masked())
}

func (w *world) events() []any {
	events := make([]any, rapid.IntRange(0, 6).Draw(w.rt, "events"))
	for i := range events {
		events[i] = w.event()
	}
	return events
}

func (w *world) compare() {
	now := w.clock.seconds.Load()
	for _, text := range someAddrs {
		addr := netip.MustParseAddr(text)
		plain := plain(text)
		want, wantFound := w.model.check(plain, now)
		got, found, err := w.list.Check(addr)
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" || found != wantFound || err != nil {
			w.rt.Fatalf("check %s: found %v, want %v, error %v, %s", text, found, wantFound, err, diff)
		}
		if allowed, err := w.list.Allowed(addr); allowed != w.model.allowed(plain, now) || err != nil {
			w.rt.Fatalf("%s allowed: %v, error %v", text, allowed, err)
		}
		prefix := netip.PrefixFrom(plain, plain.BitLen()/2).Masked()
		if logged, err := w.list.BannedByLog(prefix); logged != w.model.logged(prefix, now) || err != nil {
			w.rt.Fatalf("%s banned by the log: %v, error %v", prefix, logged, err)
		}
		_, own := w.model.bans[modelBan{prefix, OriginOwn}]
		own = own && live(w.model.bans[modelBan{prefix, OriginOwn}].expiresAt, now)
		if got, err := w.list.BannedByEdge(prefix); got != own || err != nil {
			w.rt.Fatalf("%s banned by the edge: %v, error %v", prefix, got, err)
		}
	}
	for _, name := range someNames {
		for _, issuedAt := range []int64{0, now - 1, now, now + 1} {
			for _, token := range []Token{
				{JTI: name, Subject: "z", IssuedAt: issuedAt},
				{JTI: "z", Subject: name, IssuedAt: issuedAt},
				{Hash: strings.Repeat(name, hashHexLen), Subject: name, JTI: name, IssuedAt: issuedAt},
			} {
				want, wantFound := w.model.checkToken(token, now)
				got, found, err := w.list.CheckToken(token)
				if got.Kind != want || found != wantFound || err != nil {
					w.rt.Fatalf("check %+v: %q, want %q, error %v", token, got.Kind, want, err)
				}
			}
		}
	}
	if w.list.index != nil {
		if diff := w.disagreement(); diff != "" {
			w.rt.Fatalf("rows and index differ: %s", diff)
		}
	}
}

// steps are what may happen, the frequent ones several times.
func (w *world) steps() []func() {
	return []func(){
		w.applyEvents, w.applyEvents, w.applyEvents, w.applyNonsense, w.banOwnPrefix, w.banOwnPrefix, w.liftOwnPrefix,
		w.timePasses, w.longPasses, w.clockJumps, w.clockJumps, w.tidy, w.beginReset, w.beginReset, w.addAside, w.addAside, w.addAside,
		w.switchOver, w.switchOver, w.abandon, w.restart, w.readIndex, w.readIndex, w.placeIndex,
	}
}

func (w *world) applyEvents() {
	events := w.events()
	w.apply(events...)
	w.model.apply(events)
}

func (w *world) applyNonsense() {
	if w.tryApply(append(w.events(), &wire.IPBanned{IP: "10.1.2.3:80"})...) == nil {
		w.rt.Fatal("nonsense was applied")
	}
}

func (w *world) banOwnPrefix() {
	ip, now := w.prefix(), w.clock.seconds.Load()
	prefix := netip.MustParsePrefix(withBits(ip))
	expiresAt := w.ends(rapid.Int64Range(0, 5).Draw(w.rt, "ttl"))
	w.banOwn(ip, expiresAt)
	expiresAt = w.model.banOwn(prefix, expiresAt, now)
	if w.aside != nil {
		w.aside.bans[modelBan{prefix, OriginOwn}] = modelEnd{expiresAt: expiresAt, reason: "own", madeAt: now}
	}
}

func (w *world) liftOwnPrefix() {
	prefix := netip.MustParsePrefix(withBits(w.prefix()))
	w.must(w.list.LiftOwn(context.Background(), w.state, prefix))
	w.model.liftOwn(prefix)
	if w.aside != nil {
		w.aside.liftOwn(prefix)
	}
}

func (w *world) timePasses() { w.clock.seconds.Add(1) }

func (w *world) longPasses() { w.clock.seconds.Add(int64(tidyMargin / time.Second)) }

// clockJumps sets the clock ahead for a while, in which nothing may get lost.
func (w *world) clockJumps() {
	ahead := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, tidyMargin}).Draw(w.rt, "ahead")
	behind := w.clock.seconds.Load()
	w.apply(w.jumped(behind)...)
	w.clock.seconds.Add(int64(ahead / time.Second))
	w.apply(w.jumped(behind)...)
	w.tidy()
	w.compare()
	w.clock.seconds.Store(behind)
}

// jumped are events of the second that was, known to the model.
func (w *world) jumped(second int64) []any {
	now := w.clock.seconds.Swap(second)
	defer w.clock.seconds.Store(now)
	events := w.events()
	w.model.apply(events)
	return events
}

func (w *world) tidy() { w.must(w.list.tidy(context.Background(), w.state)) }

func (w *world) beginReset() {
	w.must(w.state.BeginReset(context.Background()))
	w.must(w.state.Aside(context.Background(), nil))
	w.aside = w.model.reset()
}

func (w *world) addAside() {
	if w.aside == nil {
		return
	}
	events := w.events()
	w.must(w.state.Aside(context.Background(), events))
	w.aside.apply(events)
	if rapid.Bool().Draw(w.rt, "flush") {
		w.must(w.flush())
	}
}

func (w *world) switchOver() {
	if w.aside == nil {
		return
	}
	w.must(w.state.Switch(context.Background(), "e", 1))
	w.model, w.aside = w.aside, nil
}

func (w *world) abandon() {
	w.must(w.state.Abandon(context.Background()))
	w.aside = nil
}

func (w *world) restart() {
	w.reopen()
	w.aside, w.built = nil, nil
}

func (w *world) readIndex() {
	if w.built == nil && w.list.index == nil {
		slot, _ := w.list.beginBuild()
		w.built = newIndex()
		w.must(w.built.read(context.Background(), w.list.read, slot, w.list.seed))
	}
}

func (w *world) placeIndex() {
	if w.built != nil {
		w.list.endBuild(w.built, true)
		w.built = nil
	}
}

// TestListIsTheModel runs any sequence of units, resets, expiries, restarts and
// steps of building, and compares all answers with the model's after each.
func TestListIsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		f := synced(t)
		defer func() { f.must(f.state.Close()) }()
		w := &world{fixture: f, rt: rt, model: newModel()}
		steps := w.steps()
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, len(steps)-1), 1, 80).Draw(rt, "steps") {
			steps[step]()
			w.compare()
		}
	})
}
