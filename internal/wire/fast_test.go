package wire

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What decodeBan takes it reads as encoding/json does, and it takes what Encode
// writes.
func FuzzDecodeBan(f *testing.F) {
	for _, data := range []string{
		`{"ip":"1.2.3.4","reason":"abuse","automatic":false,"expires_at":5,"timestamp":1763719200}`,
		`{"ip":"::1","reason":"","automatic":true,"timestamp":0}`,
		`{"ip":"1.2.3.4","reason":"a\"b","automatic":false,"timestamp":01}`,
		`{"ip":"1.2.3.4","reason":"\u00e9é\xff","automatic":false,"timestamp":-1}`,
		`{"ip":"1.2.3.4","reason":"","automatic":false,"timestamp":99999999999999999999}`,
		`{"ip":"1.2.3.4","reason":"","automatic":false,"timestamp":1} `,
		`{"ip":"1.2.3.4","reason":"","automatic":false,"timestamp":}`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := decodeBan(data)
		if !ok {
			return
		}
		want := new(IPBanned)
		if err := json.Unmarshal(data, want); err != nil {
			t.Fatalf("%q: taken, but %v", data, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-json +own):\n%s", data, diff)
		}
	})
}

// The scanner knows the fields of IPBanned and their order by heart: a field
// more, or another order, and every ban would go the slow way.
func TestDecodeBanTakesWhatIsWritten(t *testing.T) {
	t.Parallel()
	whole := &IPBanned{IP: "1.2.3.4", Reason: "abuse é", Automatic: true, ExpiresAt: 7, Timestamp: 1763719200}
	for i, v := 0, reflect.ValueOf(*whole); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set: decodeBan and this test have to know it", v.Type().Field(i).Name)
		}
	}
	for _, want := range []*IPBanned{
		whole,
		{IP: "1.2.3.4", Reason: "abuse é", ExpiresAt: 7, Timestamp: 1763719200},
		{IP: "2001:db8::/32", Automatic: true, Timestamp: 1},
	} {
		_, data := Encode(want)
		got, ok := decodeBan(data)
		if !ok {
			t.Errorf("%s: not taken", data)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	_, data := Encode(&IPBanned{IP: "203.0.113.7", Reason: "credential stuffing", ExpiresAt: 1763719200, Timestamp: 1763719200})
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			if _, ok := decodeBan(data); !ok {
				b.Fatal("not taken")
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		for b.Loop() {
			if _, err := decode[IPBanned](TypeIPBanned, data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
