package client_test

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/client"
)

var seeds = []string{
	"", ",", "9.9.9.9", "6.6.6.6, 9.9.9.9:80", "[2001:db8::1%eth0]:80", "unknown", "10.0.0.2", `for="[::1]:80";proto=https`,
	`for=6.6.6.6, for="`, `for="\9.9.9.9\\";by=_x`, "for=9.9.9.9;for=1.1.1.1", "\x00\xff", `x="\", for=1.1.1.1"`,
}

func FuzzXForwardedFor(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	r := resolver(client.XForwardedFor)
	f.Fuzz(func(t *testing.T, text string) {
		check(t, r, "X-Forwarded-For", text, "9.9.9.9")
	})
}

func FuzzForwarded(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	r := resolver(client.Forwarded)
	f.Fuzz(func(t *testing.T, text string) {
		check(t, r, "Forwarded", text, `for="9.9.9.9"`)
		if m := element.FindStringSubmatch(text); m != nil && len(text) < 4000 {
			compare(t, r, text, m[1]+m[2])
		}
	})
}

// check finds an address in its one form, which the text must have, and nothing of
// the text once a proxy has written after it.
func check(t *testing.T, r *client.Resolver, name, text, appended string) {
	c, err := r.Resolve(peer, http.Header{name: {text}})
	if err != nil || !c.Addr.IsValid() || c.Addr.Is4In6() || c.Addr.Zone() != "" || len(c.Hops) > 31 {
		t.Fatalf("%q: %+v, %v", text, c, err)
	}
	if c.Addr != peer && !strings.ContainsAny(text, ".:") {
		t.Fatalf("%q has no address: %s", text, c.Addr)
	}
	for _, lines := range [][]string{{text, appended}, {text + "," + appended}} {
		if c, _ := r.Resolve(peer, http.Header{name: lines}); c.Addr.String() != "9.9.9.9" {
			t.Fatalf("%q: %s", lines, c.Addr)
		}
	}
}

// element is a forwarded-element to the letter of RFC 7239, with "for" first and
// extensions after it.
var element = regexp.MustCompile("^(?i:for)=(?:([0-9.]+)|\"((?:[0-9.]+|\\[[0-9a-fA-F:.]+\\])(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?)\")" +
	"(?:;(?:x[0-9A-Za-z!#$%&'*+.^_`|~-]*=(?:[0-9A-Za-z!#$%&'*+.^_`|~-]+|\"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*\"))?)*$")

// compare reads the node as the standard library does, which wants a port.
func compare(t *testing.T, r *client.Resolver, text, node string) {
	want := peer
	host := regexp.MustCompile(`:[^:\]]*$`).ReplaceAllString(node, "")
	if strings.HasSuffix(node, "]") {
		host = node
	}
	host, bracketed := strings.CutPrefix(host, "[")
	if addr, err := netip.ParseAddr(strings.TrimSuffix(host, "]")); err == nil && addr.Is6() == bracketed {
		want = addr.Unmap()
	}
	if c, _ := r.Resolve(peer, http.Header{"Forwarded": {text}}); c.Addr != want {
		t.Fatalf("%q: %s, want %s", text, c.Addr, want)
	}
}
