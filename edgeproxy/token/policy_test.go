package token

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustPolicy(t *testing.T, fallback string, paths ...string) *policy {
	t.Helper()
	p, err := newPolicy(fallback, paths)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	p := mustPolicy(t, "off", "/private=required", "/private/open=off", "/api=optional", "/API/Keys/=required", "/über=required")
	for path, want := range map[string]Mode{
		"/":                                      Off,
		"":                                       Off,
		"/a":                                     Off,
		"/private":                               Required,
		"/private/":                              Required,
		"/private/x.html":                        Required,
		"/privateer":                             Off,
		"/private.html":                          Off,
		"/a/private":                             Off,
		"/private/open":                          Off,
		"/private/open/a%20b":                    Off,
		"/private/opener":                        Required,
		"/api/v1":                                Optional,
		"/api/keys":                              Required,
		"/api/keyring":                           Optional,
		"/API/Keys/1":                            Required,
		"/a%20b/c;v=1":                           Off,
		"/a/../private":                          Required,
		"/a/..":                                  Off,
		"/private/..":                            Required,
		"/private/open/..":                       Required,
		"/private/open/../x":                     Required,
		"//private":                              Required,
		"/a//..//private":                        Required,
		"/a//../../private":                      Required,
		"/./private":                             Required,
		"/%70rivate":                             Required,
		"/%2570rivate":                           Required,
		"/%252570rivate":                         Required,
		"/%2e%2e/private":                        Required,
		"/a/%2e%2e/private":                      Required,
		"/a%2f..%2fprivate":                      Required,
		"/a/%252e%252e/private":                  Required,
		"/PRIVATE%2f..":                          Required,
		"/PrIvAtE/x":                             Required,
		`/a\..\private`:                          Required,
		"/a%5c..%5cprivate":                      Required,
		"/private;x=1":                           Required,
		"/;x=1/private":                          Required,
		"/a/..;/private":                         Required,
		"/private%3fx":                           Required,
		"/private%23x":                           Required,
		"/private%20/x":                          Required,
		"/private.":                              Required,
		"/.private":                              Off,
		"/private./x":                            Required,
		"/a/.. /private":                         Required,
		"/private%00.html":                       Required,
		"/a%0aprivate":                           Required,
		"/a%zz":                                  Required,
		"/a%u002e":                               Required,
		"/%c0%ae%c0%ae/private":                  Required,
		"/a\xff":                                 Required,
		"/%C3%9CBER/x":                           Required,
		"/%C3%BCb":                               Off,
		"/\u212aey":                              Off,
		"/private/open/%2e%2e;a/x":               Required,
		"*":                                      Required,
		"a":                                      Required,
		"/" + strings.Repeat("%41", maxReadable): Required,
		"/" + strings.Repeat("a", 2*maxReadable): Off,
		"/%252525252525252525252561;a//b\\c":     Required,
	} {
		if got := p.mode(path); got != want {
			t.Errorf("mode of %.60q is %s, want %s", path, got, want)
		}
	}
}

func TestPolicyKelvin(t *testing.T) {
	t.Parallel()
	p := mustPolicy(t, "off", "/keys=required")
	for _, path := range []string{"/\u212aeys", "/%E2%84%AAeys/1", "/key\u017f"} {
		if got := p.mode(path); got != Required {
			t.Errorf("mode of %q is %s", path, got)
		}
	}
}

func TestPolicyCase(t *testing.T) {
	t.Parallel()
	p := mustPolicy(t, "required", "/open=off")
	for path, want := range map[string]Mode{"/open": Off, "/Open": Required, "/OPEN/x": Required} {
		if got := p.mode(path); got != want {
			t.Errorf("mode of %q is %s, want %s", path, got, want)
		}
	}
}

func TestPolicyEquallyLong(t *testing.T) {
	t.Parallel()
	p := mustPolicy(t, "off", "/A=off", "/a=required", "/=optional")
	for path, want := range map[string]Mode{"/A": Required, "/a/x": Required, "/": Optional, "/b": Optional} {
		if got := p.mode(path); got != want {
			t.Errorf("mode of %q is %s, want %s", path, got, want)
		}
	}
}

func TestPolicyRefusesFlags(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "/a", "a=off", "=off", "/a=on", "/a=", "/a%20=off", "/a//b=off", "/a/../b=off", "/.=off", "/a;b=off", "/a?b=off",
		"/a#=off", `/a\b=off`, "/a.=off", "/a\n=off", "/a\xff=off", "//=off",
	} {
		if p, err := newPolicy("", []string{text}); err == nil {
			t.Errorf("%q was taken: %+v", text, p)
		}
	}
	if _, err := newPolicy("", []string{"/a=off", "/a/=required"}); err == nil {
		t.Error("a prefix was taken twice")
	}
	if _, err := newPolicy("must", nil); err == nil {
		t.Error("--jwt must was taken")
	}
}

// naiveMode is the longest prefix of a path that was read already.
func naiveMode(modes map[string]Mode, path string) Mode {
	mode, length := Off, -1
	for prefix, m := range modes {
		if (path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")) && len(prefix) > length {
			mode, length = m, len(prefix)
		}
	}
	return mode
}

var naiveModes = map[string]Mode{
	"/": Optional, "/a": Required, "/a/b": Off, "/a/b/c": Required, "/b": Off, "/b/a": Required, "/c": Optional,
}

func naivePolicy(t *testing.T) *policy {
	var paths []string
	for prefix, mode := range naiveModes {
		paths = append(paths, prefix+"="+mode.String())
	}
	return mustPolicy(t, "off", paths...)
}

// TestPolicyIsNoLaxerThanAnyOrigin has origins that do up to four things to a path, in
// any order, before they look what it is.
func TestPolicyIsNoLaxerThanAnyOrigin(t *testing.T) {
	t.Parallel()
	p := naivePolicy(t)
	steps := map[string]func(string) string{
		"decode": func(s string) string {
			if decoded, err := url.PathUnescape(s); err == nil {
				return decoded
			}
			return s
		},
		"clean": path.Clean,
		"case":  strings.ToLower,
		"slash": func(s string) string { return strings.ReplaceAll(s, `\`, "/") },
		"merge": func(s string) string { return strings.ReplaceAll(s, "//", "/") },
		"parameters": func(s string) string {
			var kept []string
			for segment := range strings.SplitSeq(s, "/") {
				kept = append(kept, strings.SplitN(segment, ";", 2)[0])
			}
			return strings.Join(kept, "/")
		},
		"query": func(s string) string { return strings.SplitN(s, "?", 2)[0] },
		"rfc": func(s string) string {
			u, err := (&url.URL{Scheme: "http", Host: "h", Path: "/"}).Parse("http://h" + s)
			if err != nil {
				return s
			}
			return (&url.URL{Scheme: "http", Host: "h", Path: "/"}).ResolveReference(u).Path
		},
	}
	piece := rapid.SampledFrom([]string{
		"/", "/", "/", "a", "b", "c", "A", "B", "%61", "%2561", "%2f", "%2F", "..", ".", "%2e", "%252e", ";x", "%3b", `\`, "%5c",
		"?", "%3f", "x", "é", "%20",
	})
	rapid.Check(t, func(t *rapid.T) {
		raw := "/" + strings.Join(rapid.SliceOfN(piece, 0, 10).Draw(t, "pieces"), "")
		seen := raw
		names := rapid.SliceOfN(rapid.SampledFrom([]string{
			"decode", "clean", "case", "slash", "merge", "parameters", "query", "rfc",
		}), 0, 4).Draw(t, "steps")
		for _, name := range names {
			seen = steps[name](seen)
		}
		if got, want := p.mode(raw), naiveMode(naiveModes, seen); got < want {
			t.Fatalf("mode of %q is %s; an origin reads %q, which is %s", raw, got, seen, want)
		}
	})
}

// TestPolicyIsNotStricterThanItSays has paths that can be read in one way only.
func TestPolicyIsNotStricterThanItSays(t *testing.T) {
	t.Parallel()
	p := naivePolicy(t)
	segment := rapid.SampledFrom([]string{"a", "b", "c", "x", "a.b", "aa", "b-c"})
	rapid.Check(t, func(t *rapid.T) {
		raw := "/" + strings.Join(rapid.SliceOfN(segment, 0, 5).Draw(t, "segments"), "/")
		if got, want := p.mode(raw), naiveMode(naiveModes, raw); got != want {
			t.Fatalf("mode of %q is %s, want %s", raw, got, want)
		}
	})
}
