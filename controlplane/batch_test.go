package controlplane_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

type mutations = []controlplane.Mutation

// decideBatch gives the types of a batch's events, or the refusal.
func decideBatch(s *state, list mutations) ([]controlplane.Event, *controlplane.Error) {
	batch, err := controlplane.NewBatch(list...)
	var events []controlplane.Event
	if err == nil {
		events, err = batch.Decide(s)
	}
	refusal, _ := errors.AsType[*controlplane.Error](err)
	return events, refusal
}

func TestBatchKeepsTheOrder(t *testing.T) {
	t.Parallel()
	ip, token := prefix(t, "1.2.3.4"), wire.TokenRef{JTI: "a"}
	events, refusal := decideBatch(newState(), mutations{
		controlplane.Invalidation{Tags: []string{"x"}}, controlplane.Ban{IP: ip}, controlplane.Revocation{Token: token},
		controlplane.Allow{IP: prefix(t, "5.6.7.8")}, controlplane.Unban{IP: prefix(t, "1.2.3.5")},
		controlplane.Restoration{Token: wire.TokenRef{Subject: "a"}}, controlplane.RemoveAllow{IP: ip}, controlplane.Preload{Routes: []string{"/"}},
	})
	var types []string
	for _, e := range events {
		types = append(types, e.Type)
	}
	want := []string{
		"cache_invalidated", "ip_banned", "token_revoked", "ip_allowed", "ip_unbanned",
		"token_restored", "ip_allow_removed", "preload_hinted",
	}
	if diff := cmp.Diff(want, types); diff != "" || refusal != nil {
		t.Errorf("%v (-want +got):\n%s", refusal, diff)
	}
}

// The entities by which a batch knows repeats are those of the events.
func TestBatchRefusesRepeatedEntities(t *testing.T) {
	t.Parallel()
	ip, wide := prefix(t, "10.0.0.1"), prefix(t, "10.0.0.0/8")
	jti, subject, hash := wire.TokenRef{JTI: "a"}, wire.TokenRef{Subject: "a"}, wire.TokenRef{TokenHash: controlplane.TokenHash("a")}
	ban, automatic, unban := controlplane.Ban{IP: ip}, controlplane.Ban{IP: ip, Automatic: true}, controlplane.Unban{IP: ip}
	allow, remove := controlplane.Allow{IP: ip}, controlplane.RemoveAllow{IP: ip}
	invalidation, preload := controlplane.Invalidation{All: true}, controlplane.Preload{Routes: []string{"/"}}
	for name, row := range map[string]struct {
		list   mutations
		repeat bool
	}{
		"two bans":                  {mutations{ban, ban}, true},
		"ban and unban":             {mutations{ban, unban}, true},
		"automatic ban and unban":   {mutations{automatic, unban}, true},
		"two unbans":                {mutations{unban, unban}, true},
		"allow and removal":         {mutations{allow, remove}, true},
		"revocation and itself":     {mutations{controlplane.Revocation{Token: jti}, controlplane.Revocation{Token: jti}}, true},
		"revocation, restoration":   {mutations{controlplane.Revocation{Token: hash}, controlplane.Restoration{Token: hash}}, true},
		"automatic ban and ban":     {mutations{ban, automatic}, false},
		"prefix and address":        {mutations{ban, controlplane.Unban{IP: wide}}, false},
		"ban and removed allow":     {mutations{ban, remove}, false},
		"three names of one letter": {mutations{controlplane.Revocation{Token: jti}, controlplane.Revocation{Token: subject}, controlplane.Restoration{Token: hash}}, false},
		"moments":                   {mutations{invalidation, invalidation, preload, preload}, false},
	} {
		_, refusal := decideBatch(newState(), row.list)
		if got := refusal != nil; got != row.repeat {
			t.Errorf("%s: %v", name, refusal)
		}
		if refusal != nil && (refusal.Reason != controlplane.ReasonRepeatedEntity || refusal.Kind != controlplane.Invalid) {
			t.Errorf("%s: %+v", name, refusal)
		}
	}
	_, refusal := decideBatch(newState(), mutations{invalidation, ban, allow, unban})
	if want := "mutations[1] and mutations[3] are about the same: 10.0.0.1"; refusal == nil || refusal.Message != want {
		t.Errorf("%v, want %s", refusal, want)
	}
}

// A ban counts against the allow entries as the batch leaves them.
func TestBatchAndAllowEntries(t *testing.T) {
	t.Parallel()
	ip, wide := prefix(t, "10.0.0.1"), prefix(t, "10.0.0.0/8")
	ban, allow, remove := controlplane.Ban{IP: ip}, controlplane.Allow{IP: wide}, controlplane.RemoveAllow{IP: wide}
	for name, row := range map[string]struct {
		allowed bool
		list    mutations
		refused string
	}{
		"allowed before":            {true, mutations{ban}, "mutations[0]: 10.0.0.1 is allowed by the entry of 10.0.0.0/8"},
		"allowed by the batch":      {false, mutations{ban, allow}, "mutations[0]: 10.0.0.1 is allowed"},
		"allowed by it, earlier":    {false, mutations{allow, ban}, "mutations[1]: 10.0.0.1 is allowed"},
		"the entry goes":            {true, mutations{ban, remove}, ""},
		"the entry went":            {true, mutations{remove, ban}, ""},
		"another entry goes":        {true, mutations{ban, controlplane.RemoveAllow{IP: ip}}, "mutations[0]: 10.0.0.1 is allowed"},
		"a narrower entry comes":    {false, mutations{controlplane.Ban{IP: wide}, controlplane.Allow{IP: ip}}, ""},
		"recorded all the same":     {false, mutations{allow, controlplane.Ban{IP: ip, Override: true}}, ""},
		"an edge cannot override":   {false, mutations{allow, controlplane.Ban{IP: ip, Override: true, Automatic: true}}, "which an automatic ban cannot"},
		"the second is the refused": {true, mutations{controlplane.Ban{IP: prefix(t, "1.2.3.4")}, ban}, "mutations[1]: 10.0.0.1"},
	} {
		s := newState()
		if row.allowed {
			s.apply(t, allow.Decide)
		}
		events, refusal := decideBatch(s, row.list)
		if row.refused == "" {
			if refusal != nil || len(events) != len(row.list) {
				t.Errorf("%s: %d events, %v", name, len(events), refusal)
			}
			continue
		}
		if refusal == nil || !strings.Contains(refusal.Message, row.refused) || refusal.Reason != controlplane.ReasonAddressAllowed || events != nil {
			t.Errorf("%s: %v, %d events; want %s", name, refusal, len(events), row.refused)
		}
	}
}

// A revocation within a batch keeps the later end, as one by itself does.
func TestBatchWidens(t *testing.T) {
	t.Parallel()
	s, token := newState(), wire.TokenRef{JTI: "a"}
	s.apply(t, controlplane.Revocation{Token: token, TTL: time.Hour}.Decide)
	events, refusal := decideBatch(s, mutations{controlplane.Revocation{Token: token, TTL: time.Minute}})
	if refusal != nil || !events[0].ExpiresAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("%v, %v", events, refusal)
	}
}

func TestBatchPassesErrorsOn(t *testing.T) {
	t.Parallel()
	s := newState()
	s.err = errors.New("disk")
	batch, err := controlplane.NewBatch(controlplane.Revocation{Token: wire.TokenRef{JTI: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := batch.Decide(s); !errors.Is(err, s.err) {
		t.Errorf("%v, want %v", err, s.err)
	}
}

// Two addresses of one /64 share the automatic ban that their unbans lift; one event
// lifts it. An automatic ban beside such an unban is refused.
func TestBatchOfUnbansInOnePrefix(t *testing.T) {
	t.Parallel()
	a, b, client := prefix(t, "2001:db8::1"), prefix(t, "2001:db8::2"), prefix(t, "2001:db8::/64")
	events, refusal := decideBatch(newState(), mutations{controlplane.Unban{IP: a}, controlplane.Unban{IP: client}, controlplane.Unban{IP: b}})
	if refusal != nil {
		t.Fatal(refusal)
	}
	var entities []string
	for _, e := range events {
		entities = append(entities, e.Entities...)
	}
	want := append(append(controlplane.BanEntities(a), controlplane.BanEntities(client)[1], controlplane.BanEntities(client)[0]), controlplane.BanEntities(b)...)
	if diff := cmp.Diff(want, entities); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, refusal = decideBatch(newState(), mutations{controlplane.Ban{IP: client, Automatic: true}, controlplane.Unban{IP: a}})
	if refusal == nil || refusal.Reason != controlplane.ReasonRepeatedEntity {
		t.Errorf("an automatic ban beside it: %v", refusal)
	}
}
