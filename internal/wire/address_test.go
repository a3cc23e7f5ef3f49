package wire_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

func TestParsePrefix(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1.2.3.4":         "1.2.3.4",
		"1.2.3.4/32":      "1.2.3.4",
		"0.0.0.0":         "0.0.0.0",
		"255.255.255.255": "255.255.255.255",
		"10.0.0.0/8":      "10.0.0.0/8",
		"10.1.2.0/24":     "10.1.2.0/24",
		"10.1.2.2/31":     "10.1.2.2/31",

		"::1":           "::1",
		"::1/128":       "::1",
		"2001:DB8::":    "2001:db8::",
		"2001:db8::/32": "2001:db8::/32",
		"2001:0db8:0000:0000:0000:0000:0000:0001": "2001:db8::1",
		"2001:db8:0:0:1::":                        "2001:db8:0:0:1::",
		"2001::/16":                               "2001::/16",
		"::1.2.3.4":                               "::102:304",

		"::ffff:1.2.3.4":         "1.2.3.4",
		"::ffff:102:304":         "1.2.3.4",
		"0:0:0:0:0:FFFF:1.2.3.4": "1.2.3.4",
		"::ffff:1.2.3.4/128":     "1.2.3.4",
		"::ffff:10.0.0.0/104":    "10.0.0.0/8",
		"::ffff:10.1.2.0/120":    "10.1.2.0/24",
		"::ffff:a01:200/120":     "10.1.2.0/24",

		"64:ff9b::1.2.3.4":      "1.2.3.4",
		"64:FF9B::102:304/128":  "1.2.3.4",
		"64:ff9b::a00:0/104":    "10.0.0.0/8",
		"64:ff9b::10.1.2.0/120": "10.1.2.0/24",
		"64:ff9b::/96":          "64:ff9b::/96",
		"64:ff9b::a00:0/103":    "64:ff9b::a00:0/103",
		"64:ff9b::1:102:304":    "64:ff9b::1:102:304",
		"64:ff9b:1::102:304":    "64:ff9b:1::102:304",
	} {
		prefix, err := wire.ParsePrefix(text)
		if err != nil || wire.FormatPrefix(prefix) != want {
			t.Errorf("%q: %q, %v; want %q", text, wire.FormatPrefix(prefix), err, want)
			continue
		}
		if again, err := wire.ParsePrefix(want); err != nil || again != prefix {
			t.Errorf("%q and its canonical form %q differ: %v, %v (%v)", text, want, prefix, again, err)
		}
	}
}

// TestParsePrefixRefuses wants each refusal to say what is wrong.
func TestParsePrefixRefuses(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		"": "is empty",

		"fe80::1%eth0": "has a zone", "fe80::%1/64": "has a zone", "1.2.3.4%eth0": "has a zone", "::ffff:1.2.3.4%x": "has a zone",
		"1.2.3.4:80": "has a port", "[::1]:443": "has a port", "[::ffff:1.2.3.4]:1": "has a port",

		"10.0.0.1/8":            "host bits set; do you mean 10.0.0.0/8?",
		"1.2.3.5/31":            "do you mean 1.2.3.4/31?",
		"2001:db8::1/32":        "do you mean 2001:db8::/32?",
		"64:ff9b::10.1.2.3/120": "10.1.2.3/24 has host bits set; do you mean 10.1.2.0/24?",
		"64:ff9b::1.2.3.4%x":    "has a zone",
		"::ffff:10.1.2.3/120":   "10.1.2.3/24 has host bits set; do you mean 10.1.2.0/24?",
		"0.0.0.0/0":             "wider than /8",
		"10.0.0.0/7":            "wider than /8",
		"::/0":                  "wider than /16",
		"2000::/15":             "wider than /16",
		"::ffff:0.0.0.0/96":     "0.0.0.0/0 is wider than /8",
		"::ffff:10.0.0.0/103":   "wider than /8",
		"::ffff:0.0.0.0/95":     "mixes IPv4-mapped",
		"::ffff:128.0.0.0/80":   "mixes IPv4-mapped",
		"1.2.3.4/":              "no prefix length after the /",
		"1.2.3.4/33":            "prefix length out of range; the longest is /32",
		"::1/129":               "prefix length out of range; the longest is /128",
		"1.2.3.0/024":           "a number from 0 to 32 without leading zeros",
		"1.2.3.0/+24":           "no prefix length after the /",
		"1.2.3.4/-1":            "no prefix length after the /",
		"1.2.3.0/24/24":         "no prefix length after the /",
		"1.2.3.0/255.255.255.0": "no prefix length after the /",
		"/24":                   "no address before the /",
		"x/24":                  `"x" is neither an IPv4 nor an IPv6 address nor a CIDR prefix`,
		"01.2.3.0/24":           `"01.2.3.0" has leading zeros`,
		"01.2.3.4":              "leading zeros",
		"1.2.3.04":              "leading zeros",
		"1.2.3.00":              "leading zeros",
		"1.2.3":                 "is neither",
		"01.2.3":                "is neither",
		"1.2.3.4.5":             "is neither",
		"1.2.3.256":             "is neither",
		"16909060":              "is neither",
		"0x1020304":             "is neither",
		"[::1]":                 `"[::1]" has brackets; leave them out`,
		"[::1]/128":             "has brackets",
		":::":                   "is neither",
		"1:2:3:4:5:6:7:8:9":     "is neither",
		"::00001":               "is neither",
		" 1.2.3.4":              `" 1.2.3.4" has blanks; leave them out`,
		"1.2.3.4\n":             `"1.2.3.4\n" has blanks`,
		"1.2.3.4 /32":           "has blanks",
		"1.2.3.4,5.6.7.8":       "is neither",
		"localhost":             `"localhost" is neither`,
		"*":                     `"*" is neither`,
		"\xff":                  `"\xff" is neither`,
	} {
		prefix, err := wire.ParsePrefix(text)
		if !errors.Is(err, wire.ErrAddress) || prefix != (netip.Prefix{}) || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, %v; want a refusal with %q", text, prefix, err, why)
		}
	}
}

// TestParsePrefixWidest holds each family to its limit, and to no more.
func TestParsePrefixWidest(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		zero  string
		least int
	}{{"0.0.0.0", wire.MinPrefixBits4}, {"::", wire.MinPrefixBits6}} {
		addr := netip.MustParseAddr(row.zero)
		for bits := range addr.BitLen() + 1 {
			text := netip.PrefixFrom(addr, bits).String()
			if _, err := wire.ParsePrefix(text); (err == nil) != (bits >= row.least) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

// FuzzParsePrefix wants the canonical text to be a fixed point, and equal things
// to compare equal however they were written.
func FuzzParsePrefix(f *testing.F) {
	for _, seed := range []string{
		"1.2.3.4", "10.0.0.0/8", "::1", "2001:db8::/32", "::ffff:10.0.0.0/104", "::ffff:1.2.3.4", "fe80::1%eth0", "1.2.3.4:80", "01.2.3.4", "::/0", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prefix, err := wire.ParsePrefix(text)
		if err != nil {
			if !errors.Is(err, wire.ErrAddress) {
				t.Fatalf("%q: %v is no ErrAddress", text, err)
			}
			return
		}
		checkCanonical(t, text, prefix)
		for _, other := range spellings(prefix) {
			if again, err := wire.ParsePrefix(other); err != nil || again != prefix {
				t.Errorf("%q is %v, its spelling %q is %v, %v", text, prefix, other, again, err)
			}
		}
	})
}

func checkCanonical(t *testing.T, text string, prefix netip.Prefix) {
	t.Helper()
	if !prefix.IsValid() || prefix != prefix.Masked() || prefix.Addr().Is4In6() || prefix.Addr().Zone() != "" {
		t.Errorf("%q: %v is not canonical", text, prefix)
	}
	canonical := wire.FormatPrefix(prefix)
	if again, err := wire.ParsePrefix(canonical); err != nil || wire.FormatPrefix(again) != canonical {
		t.Errorf("%q: %q is no fixed point: %v, %v", text, canonical, again, err)
	}
}

// spellings writes a prefix in other ways.
func spellings(prefix netip.Prefix) []string {
	all := []string{wire.FormatPrefix(prefix), prefix.String(), strings.ToUpper(prefix.String())}
	addr := prefix.Addr()
	if addr.Is4() {
		return append(all, netip.PrefixFrom(netip.AddrFrom16(addr.As16()), prefix.Bits()+96).String())
	}
	return append(all, strings.Replace(prefix.String(), addr.String(), addr.StringExpanded(), 1))
}
