package wire_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/wire"
)

// events are the events of each type with all and with few of their fields, and
// their data as the contract has it.
var events = []struct {
	event     any
	eventType string
	data      string
}{
	{
		&wire.IPBanned{IP: "1.2.3.4", Reason: "abuse", Automatic: true, ExpiresAt: 1763722800, Timestamp: 1763719200},
		"ip_banned", `{"ip":"1.2.3.4","reason":"abuse","automatic":true,"expires_at":1763722800,"timestamp":1763719200}`,
	},
	{
		&wire.IPBanned{IP: "2001:db8::/32", Timestamp: 1763719200},
		"ip_banned", `{"ip":"2001:db8::/32","reason":"","automatic":false,"timestamp":1763719200}`,
	},
	{
		&wire.IPUnbanned{IP: "1.2.3.4", Timestamp: 1763719200},
		"ip_unbanned", `{"ip":"1.2.3.4","timestamp":1763719200}`,
	},
	{
		&wire.IPAllowed{IP: "1.2.3.4", Reason: "office", ExpiresAt: 1763722800, Timestamp: 1763719200},
		"ip_allowed", `{"ip":"1.2.3.4","reason":"office","expires_at":1763722800,"timestamp":1763719200}`,
	},
	{
		&wire.IPAllowed{IP: "2001:db8::/32", Timestamp: 1763719200},
		"ip_allowed", `{"ip":"2001:db8::/32","reason":"","timestamp":1763719200}`,
	},
	{
		&wire.IPAllowRemoved{IP: "1.2.3.4", Timestamp: 1763719200},
		"ip_allow_removed", `{"ip":"1.2.3.4","timestamp":1763719200}`,
	},
	{
		&wire.TokenRevoked{TokenRef: wire.TokenRef{JTI: "j1"}, Reason: "leaked", ExpiresAt: 1763722800, Timestamp: 1763719200},
		"token_revoked", `{"jti":"j1","reason":"leaked","expires_at":1763722800,"timestamp":1763719200}`,
	},
	{
		&wire.TokenRevoked{TokenRef: wire.TokenRef{Subject: "alice"}, IssuedBefore: 1763719200, Timestamp: 1763719200},
		"token_revoked", `{"subject":"alice","reason":"","issued_before":1763719200,"timestamp":1763719200}`,
	},
	{
		&wire.TokenRevoked{TokenRef: wire.TokenRef{TokenHash: "9f86"}, Timestamp: 1763719200},
		"token_revoked", `{"token_hash":"9f86","reason":"","timestamp":1763719200}`,
	},
	{
		&wire.TokenRestored{TokenRef: wire.TokenRef{Subject: "alice"}, Timestamp: 1763719200},
		"token_restored", `{"subject":"alice","timestamp":1763719200}`,
	},
	{
		&wire.CacheInvalidated{Tags: []string{"posts:*"}, Keys: []string{"/a"}, All: true, Soft: true, Settle: "2s", Timestamp: 1763719200},
		"cache_invalidated", `{"tags":["posts:*"],"keys":["/a"],"all":true,"soft":true,"settle":"2s","timestamp":1763719200}`,
	},
	{
		&wire.CacheInvalidated{Tags: []string{}, Keys: []string{}, All: true, Timestamp: 1763719200},
		"cache_invalidated", `{"tags":[],"keys":[],"all":true,"soft":false,"timestamp":1763719200}`,
	},
	{
		&wire.PreloadHinted{Routes: []string{"/posts?page=2", "https://example.com/"}, Timestamp: 1763719200},
		"preload_hinted", `{"routes":["/posts?page=2","https://example.com/"],"timestamp":1763719200}`,
	},
	{
		&wire.PreloadHinted{Routes: []string{}, Timestamp: 1763719200},
		"preload_hinted", `{"routes":[],"timestamp":1763719200}`,
	},
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for _, row := range events {
		eventType, data := wire.Encode(row.event)
		if eventType != row.eventType || string(data) != row.data {
			t.Errorf("%+v: %s %s, want %s %s", row.event, eventType, data, row.eventType, row.data)
		}
		got, err := wire.Decode(eventType, data)
		if err != nil {
			t.Errorf("decode %s %s: %v", eventType, data, err)
		}
		if diff := cmp.Diff(row.event, got); diff != "" {
			t.Errorf("round trip of %s (-want +got):\n%s", eventType, diff)
		}
	}
}

// TestEncodeText wants any text to come back as it was, and to stay on one line.
func TestEncodeText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a\nb\r\nc\x00", `<script>"&"</script>`, "\u2028 ä 日本 \U0001F600", strings.Repeat("x", 1000)} {
		want := &wire.IPBanned{IP: "1.2.3.4", Reason: text}
		eventType, data := wire.Encode(want)
		if strings.ContainsAny(string(data), "\r\n\x00") {
			t.Errorf("%q is encoded with a control character: %q", text, data)
		}
		got, err := wire.Decode(eventType, data)
		if err != nil {
			t.Errorf("decode %q: %v", data, err)
		}
		if diff := cmp.Diff(any(want), got); diff != "" {
			t.Errorf("round trip of %q (-want +got):\n%s", text, diff)
		}
	}
}

func TestEncodePanicsOnOtherTypes(t *testing.T) {
	t.Parallel()
	for _, event := range []any{nil, wire.IPBanned{}, &wire.Synced{}, "ip_banned"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T was encoded", event)
				}
			}()
			wire.Encode(event)
		}()
	}
}

func TestDecodeUnknownType(t *testing.T) {
	t.Parallel()
	for _, eventType := range []string{"", "message", "preload_hinted_later", "IP_BANNED", "ip_banned ", "connected", "position"} {
		for _, data := range []string{`{}`, `{"ip":1}`, "", "\xff"} {
			if event, err := wire.Decode(eventType, []byte(data)); event != nil || err != nil {
				t.Errorf("%q %q: %v, %v; want nothing", eventType, data, event, err)
			}
		}
	}
}

// TestDecodeUnknownField wants a newer control plane to be understood.
func TestDecodeUnknownField(t *testing.T) {
	t.Parallel()
	for _, row := range events {
		data := strings.Replace(row.data, "{", `{"added_later":{"ip":["x"]},`, 1)
		got, err := wire.Decode(row.eventType, []byte(data))
		if err != nil {
			t.Errorf("%s %s: %v", row.eventType, data, err)
		}
		if diff := cmp.Diff(row.event, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.eventType, diff)
		}
	}
}

func TestDecodeUndecodable(t *testing.T) {
	t.Parallel()
	broken := []string{
		"", " ", "null", " null\n", "[]", "1", `"x"`, "true", "{", "{} {}", `{"timestamp":"1763719200"}`, `{"timestamp":1.5}`,
		`{"timestamp":99999999999999999999}`, `{"timestamp":[]}`, "\xff",
	}
	for eventType, more := range map[string][]string{
		"ip_banned":         {`{"ip":1}`, `{"ip":["1.2.3.4"]}`, `{"automatic":"yes"}`, `{"expires_at":"never"}`},
		"ip_unbanned":       {`{"ip":{}}`},
		"ip_allowed":        {`{"ip":1}`, `{"reason":{}}`, `{"expires_at":"never"}`},
		"ip_allow_removed":  {`{"ip":[]}`},
		"token_revoked":     {`{"jti":1}`, `{"subject":[]}`, `{"issued_before":"now"}`},
		"token_restored":    {`{"token_hash":false}`},
		"cache_invalidated": {`{"tags":"a"}`, `{"tags":[1]}`, `{"keys":{}}`, `{"all":1}`, `{"settle":2}`},
		"preload_hinted":    {`{"routes":"/a"}`, `{"routes":[1]}`, `{"routes":{"/a":true}}`},
	} {
		for _, data := range append(more, broken...) {
			event, err := wire.Decode(eventType, []byte(data))
			if event != nil || !errors.Is(err, wire.ErrUndecodable) || !strings.Contains(err.Error(), eventType) {
				t.Errorf("%s %q: %+v, %v", eventType, data, event, err)
			}
		}
	}
}

// FuzzDecode wants what decodes to have a round trip, whatever else was in it.
func FuzzDecode(f *testing.F) {
	for _, row := range events {
		f.Add(row.eventType, []byte(row.data))
	}
	f.Add("cache_invalidated", []byte(`{"tags":null,"TAGS":["a"],"x":[[[]]]}`))
	f.Fuzz(func(t *testing.T, eventType string, data []byte) {
		event, err := wire.Decode(eventType, data)
		if (err != nil && !errors.Is(err, wire.ErrUndecodable)) || (err != nil && event != nil) {
			t.Fatalf("%s %q: %v, %v", eventType, data, event, err)
		}
		if event == nil || reflect.ValueOf(event).IsNil() {
			return
		}
		sameType, encoded := wire.Encode(event)
		again, err := wire.Decode(sameType, encoded)
		if diff := cmp.Diff(event, again); sameType != eventType || err != nil || diff != "" {
			t.Errorf("%s %q (-want +got): %s %v\n%s", eventType, data, sameType, err, diff)
		}
	})
}
