package controlplane_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

func TestAllow(t *testing.T) {
	t.Parallel()
	s := newState()
	e := s.apply(t, controlplane.Allow{IP: prefix(t, "::ffff:1.2.3.4"), Reason: "office", TTL: 1500 * time.Millisecond}.Decide)
	if diff := cmp.Diff([]string{"allow/1.2.3.4"}, e.Entities); diff != "" || e.Tombstone || !e.ExpiresAt.Equal(noon.Add(2*time.Second)) {
		t.Errorf("%+v, entities (-want +got):\n%s", e, diff)
	}
	expectData(t, e, `{"ip":"1.2.3.4","reason":"office","expires_at":1800000002,"timestamp":1800000000}`)

	e = s.apply(t, controlplane.RemoveAllow{IP: prefix(t, "2001:DB8::/32")}.Decide)
	if diff := cmp.Diff([]string{"allow/2001:db8::/32"}, e.Entities); diff != "" || !e.Tombstone || e.Type != wire.TypeIPAllowRemoved {
		t.Errorf("%+v, entities (-want +got):\n%s", e, diff)
	}
	expectData(t, e, `{"ip":"2001:db8::/32","timestamp":1800000000}`)
}

// TestAllowAndBanAreApart wants neither to succeed the other.
func TestAllowAndBanAreApart(t *testing.T) {
	t.Parallel()
	s, ip := newState(), prefix(t, "1.2.3.4")
	s.apply(t, controlplane.Ban{IP: ip}.Decide)
	allow := s.apply(t, controlplane.Allow{IP: ip}.Decide)
	s.apply(t, controlplane.Unban{IP: ip}.Decide)
	if got := s.latest[controlplane.AllowEntity(ip)]; !cmp.Equal(allow, got) {
		t.Errorf("after an unban the allow entry is %+v", got)
	}
	s.apply(t, controlplane.Ban{IP: ip, Override: true}.Decide)
	s.apply(t, controlplane.RemoveAllow{IP: ip}.Decide)
	if got := s.latest["ban/1.2.3.4"]; !got.Live(noon) {
		t.Errorf("after a removal the ban is %+v", got)
	}
}

// refusalOf is the refusal of a decision, nil for none.
func refusalOf(t tb, s *state, decide controlplane.Decision) *controlplane.Error {
	t.Helper()
	events, err := decide(s)
	if err == nil {
		return nil
	}
	refusal, ok := errors.AsType[*controlplane.Error](err)
	if !ok || len(events) > 0 {
		t.Fatalf("%d events and %v", len(events), err)
	}
	return refusal
}

func TestBanOfAnAllowedAddress(t *testing.T) {
	t.Parallel()
	s := newState()
	s.apply(t, controlplane.Allow{IP: prefix(t, "203.0.113.0/24"), TTL: time.Minute}.Decide)
	s.apply(t, controlplane.Allow{IP: prefix(t, "203.0.113.0/25")}.Decide)
	s.apply(t, controlplane.RemoveAllow{IP: prefix(t, "203.0.113.0/25")}.Decide)
	covered := prefix(t, "203.0.113.7")
	got := refusalOf(t, s, controlplane.Ban{IP: covered}.Decide)
	want := "203.0.113.7 is allowed by the entry of 203.0.113.0/24; remove the entry, or set override to record a ban that waits for its end"
	if got == nil || got.Kind != controlplane.Precondition || got.Reason != "ADDRESS_ALLOWED" || got.Message != want {
		t.Errorf("refused by %+v", got)
	}
	for _, override := range []bool{false, true} {
		got := refusalOf(t, s, controlplane.Ban{IP: covered, Automatic: true, Override: override}.Decide)
		if got == nil || got.Reason != "ADDRESS_ALLOWED" || !strings.HasSuffix(got.Message, "which an automatic ban cannot override") {
			t.Errorf("automatic, override %t: %+v", override, got)
		}
	}
	for name, ban := range map[string]controlplane.Ban{
		"override":     {IP: covered, Override: true},
		"wider":        {IP: prefix(t, "203.0.112.0/23")},
		"beside":       {IP: prefix(t, "203.0.114.7")},
		"other family": {IP: prefix(t, "2001:db8::/32")},
		"far wider":    {IP: prefix(t, "203.0.0.0/8"), Automatic: true},
	} {
		if got := refusalOf(t, s, ban.Decide); got != nil {
			t.Errorf("%s is refused: %v", name, got)
		}
	}
	s.now = noon.Add(time.Minute)
	if got := refusalOf(t, s, controlplane.Ban{IP: covered}.Decide); got != nil {
		t.Errorf("refused by an entry that has ended: %v", got)
	}
}

// TestBansAreRefusedByWhatCoversThem compares with a look at each entry.
func TestBansAreRefusedByWhatCoversThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, ip := newState(), anyPrefix(t)
		var live []netip.Prefix
		for range rapid.IntRange(0, 6).Draw(t, "entries") {
			entry := near(t, ip)
			live = slices.DeleteFunc(live, func(p netip.Prefix) bool { return p == entry })
			switch rapid.SampledFrom([]string{"there", "ended", "removed"}).Draw(t, "entry") {
			case "there":
				s.apply(t, controlplane.Allow{IP: entry}.Decide)
				live = append(live, entry)
			case "ended":
				s.apply(t, controlplane.Allow{IP: entry, TTL: time.Second}.Decide)
			case "removed":
				s.apply(t, controlplane.RemoveAllow{IP: entry}.Decide)
			}
		}
		s.now = noon.Add(time.Second)
		bits := -1
		for _, entry := range live {
			if entry.Bits() <= ip.Bits() && entry.Contains(ip.Addr()) {
				bits = max(bits, entry.Bits())
			}
		}
		refusal := refusalOf(t, s, controlplane.Ban{IP: ip}.Decide)
		if (refusal != nil) != (bits >= 0) {
			t.Fatalf("%v among %v: %v", ip, live, refusal)
		}
		if bits >= 0 {
			entry := wire.FormatPrefix(netip.PrefixFrom(ip.Addr(), bits).Masked())
			if !strings.Contains(refusal.Message, "the entry of "+entry+";") {
				t.Fatalf("%v among %v: %v, want %s", ip, live, refusal, entry)
			}
		}
	})
}

func TestBansThatCannotLook(t *testing.T) {
	t.Parallel()
	s := newState()
	s.err = errors.New("no log")
	ban := controlplane.Ban{IP: prefix(t, "::1")}
	for name, decide := range map[string]controlplane.Decision{"ban": ban.Decide, "import": controlplane.Import{Bans: []controlplane.Ban{ban}}.Decide} {
		if events, err := decide(s); !errors.Is(err, s.err) || len(events) > 0 {
			t.Errorf("%s: %d events, %v", name, len(events), err)
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	s := newState()
	s.apply(t, controlplane.Allow{IP: prefix(t, "10.0.0.0/8")}.Decide)
	bans := []controlplane.Ban{
		{IP: prefix(t, "192.0.2.1"), Reason: "abuse", TTL: time.Minute},
		{IP: prefix(t, "192.0.2.1"), Automatic: true},
		{IP: prefix(t, "10.1.2.3"), Override: true},
	}
	events, err := controlplane.Import{Bans: bans}.Decide(s)
	if err != nil {
		t.Fatal(err)
	}
	var want []controlplane.Event
	for _, ban := range bans {
		one, err := ban.Decide(s)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, one...)
	}
	if diff := cmp.Diff(want, events); diff != "" || len(events) != len(bans) {
		t.Errorf("import against single bans (-want +got):\n%s", diff)
	}
}

func TestImportIsRefusedWhole(t *testing.T) {
	t.Parallel()
	s := newState()
	s.apply(t, controlplane.Allow{IP: prefix(t, "10.0.0.0/8")}.Decide)
	events, err := controlplane.Import{Bans: []controlplane.Ban{
		{IP: prefix(t, "10.1.2.3")},
		{IP: prefix(t, "192.0.2.1")},
		{IP: prefix(t, "192.0.2.1"), Reason: "again"},
		{IP: prefix(t, "10.0.0.0/9")},
	}}.Decide(s)
	refused, ok := errors.AsType[*controlplane.RefusedBans](err)
	if !ok || len(events) > 0 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	var got []string
	for _, r := range refused.Of {
		got = append(got, string('0'+rune(r.Index))+" "+r.Reason)
	}
	if diff := cmp.Diff([]string{"0 ADDRESS_ALLOWED", "2 REPEATED_IP", "3 ADDRESS_ALLOWED"}, got); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}
