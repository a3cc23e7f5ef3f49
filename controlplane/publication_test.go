package controlplane_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
)

func TestNewPublication(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("n", controlplane.MaxNameBytes)
	for _, p := range []controlplane.Publication{
		{Channel: "a", Type: "b"},
		{Channel: "room:1/x", Type: "order.created", Data: "{}\n\n"},
		{Channel: "a.b_c:d/e@f~g-h", Type: "A-Z0", Data: "\x00 é \u2028"},
		{Channel: longest, Type: longest, Data: strings.Repeat("d", controlplane.MaxEventData)},
	} {
		got, err := controlplane.NewPublication(p)
		if err != nil || got != p {
			t.Errorf("%.40v: %v, %v", p, got, err)
		}
	}
	got, err := controlplane.NewPublication(controlplane.Publication{Type: "t"})
	if err != nil || got.Channel != "default" {
		t.Errorf("without a channel: %v, %v", got, err)
	}
}

func TestNewPublicationRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		" ", "a b", "a,b", "a*", "*", "a\nb", "a\r", "a\x00", "é", "\xff", "a|b", "a?b", "a#b", "a%20", "a+b", "a&b", "a=b", `a"b`, "a<b",
		strings.Repeat("n", controlplane.MaxNameBytes+1),
	} {
		_, err := controlplane.NewPublication(controlplane.Publication{Channel: name, Type: "t"})
		expectRefusal(t, "channel "+name, err, controlplane.ReasonInvalidChannel)
		_, err = controlplane.NewPublication(controlplane.Publication{Type: name})
		expectRefusal(t, "type "+name, err, controlplane.ReasonInvalidType)
	}
	_, err := controlplane.NewPublication(controlplane.Publication{})
	expectRefusal(t, "no type", err, controlplane.ReasonInvalidType)
	for _, name := range []string{
		"ip_banned", "ip_unbanned", "ip_allowed", "ip_allow_removed", "token_revoked", "token_restored", "cache_invalidated", "preload_hinted",
		"edge_joined", "edge_left", "connected", "reset", "synced", "gap", "report", "shutdown", "position", "heartbeat", "message", "error", "open",
	} {
		_, err := controlplane.NewPublication(controlplane.Publication{Type: name})
		expectRefusal(t, name, err, controlplane.ReasonReservedType)
	}
	for data, reason := range map[string]string{
		"a\rb": controlplane.ReasonInvalidData, "a\r\nb": controlplane.ReasonInvalidData, "\xff": controlplane.ReasonInvalidData,
		strings.Repeat("d", controlplane.MaxEventData+1): controlplane.ReasonDataTooLarge,
	} {
		_, err := controlplane.NewPublication(controlplane.Publication{Type: "t", Data: data})
		expectRefusal(t, "data", err, reason)
	}
}

// TestPublicationDecide wants a moment event that edges do not hear, nor subscribers
// who name no channel.
func TestPublicationDecide(t *testing.T) {
	t.Parallel()
	got, err := controlplane.Publication{Channel: "c", Type: "t"}.Decide(newState())
	want := []controlplane.Event{{
		Type: "t", Channel: "c", Data: []byte{}, Time: noon.Truncate(time.Second), Audience: controlplane.Listeners | controlplane.ControlPlanes,
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" || !got[0].Moment() {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
