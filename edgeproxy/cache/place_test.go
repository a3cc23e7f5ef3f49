package cache

import "testing"

func TestCanonicalHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ scheme, host, want string }{
		{"http", "H.Example", "h.example"},
		{"http", "h:80", "h"},
		{"http", "h:", "h"},
		{"http", "h:443", "h:443"},
		{"https", "h:443", "h"},
		{"https", "h:80", "h:80"},
		{"http", "[::A]:80", "[::a]"},
		{"http", "[::1]", "[::1]"},
		{"http", "", ""},
		{"http", "V\u0130CTIM", "v\u0130ctim"},
		{"http", "\u212aelvin", "\u212aelvin"},
		{"http", "A\xff", "a\xff"},
	} {
		if got := CanonicalHost(tt.scheme, tt.host); got != tt.want {
			t.Errorf("%s, %q: %q, want %q", tt.scheme, tt.host, got, tt.want)
		}
	}
}

func TestValidHost(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"", "h", "H.example.", "h:", "h:8080", ":80", "127.0.0.1", "[::1]", "[::1]:80", "[v1.a:b]", "a_b", "-._~!$&'()*+,;=", "%C3%bc.example",
	} {
		if !ValidHost(host) {
			t.Errorf("%q is refused", host)
		}
	}
	for _, host := range []string{
		"v\u0130ctim", "\u212aelvin", "\xff", "a b", "a/b", "a@b", "a?", "a#", "a\\b", "a\"b", "a<b", "a|b", "a\x00", "%", "a%4", "%zz",
		"h:x", "h:8a8", "h:80:80", "::1", "[::1", "::1]", "[]", "[::1]x", "[::1]:x", "[fe80::1%25en0]", "a[b]",
	} {
		if ValidHost(host) {
			t.Errorf("%q is allowed", host)
		}
	}
}
