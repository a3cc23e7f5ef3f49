package cache

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSelectorsCover(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tag, key, url string
		tags          []string
		want          bool
	}{
		{tag: "a", tags: []string{"b", "a"}, want: true},
		{tag: "a", tags: []string{"A", "ab"}, want: false},
		{tag: "a*", tags: []string{"ab"}, want: true},
		{tag: "a*", tags: []string{"a"}, want: true},
		{tag: "ab*", tags: []string{"a"}, want: false},
		{tag: "*", want: true},
		{key: "/a", url: "http://h/a", want: true},
		{key: "/a", url: "https://other:8443/a?x=1&y", want: true},
		{key: "/a", url: "http://h/a/", want: false},
		{key: "/a", url: "http://h/ab", want: false},
		{key: "/a?x=1", url: "http://h/a?x=1", want: true},
		{key: "/a?x=1", url: "http://h/a", want: false},
		{key: "/a?x=1", url: "http://h/a?x=12", want: false},
		{key: "/a?", url: "http://h/a?", want: true},
		{key: "/a?", url: "http://h/a", want: false},
		{key: "/a*", url: "http://h/ab?x", want: true},
		{key: "/a?x*", url: "http://h/a?xy", want: true},
		{key: "/a?x*", url: "http://h/a", want: false},
		{key: "/*", url: "http://h/", want: true},
		{key: "*", url: "http://h/", want: true},
		{key: "http://h/a", url: "http://h/a", want: true},
		{key: "http://h/a", url: "http://h/a?x", want: false},
		{key: "http://h/a", url: "https://h/a", want: true},
		{key: "https://h/a", url: "http://h/a", want: true},
		{key: "https://h/a", url: "http://h:443/a", want: true},
		{key: "https://h:443/a", url: "http://h/a", want: true},
		{key: "http://h/a", url: "https://h:80/a", want: true},
		{key: "https://h:8443/a", url: "http://h:8443/a", want: true},
		{key: "https://h:8443/a", url: "http://h/a", want: false},
		{key: "https://h/a", url: "http://h:81/a", want: false},
		{key: "https://h/a*", url: "http://h/ab", want: true},
		{key: "https://h:443/a*", url: "http://h:443/ab", want: true},
		{key: "https://h/a*", url: "http://hh/ab", want: false},
		{key: "https://h*", url: "http://hh/x", want: true},
		{key: "https://h:4*", url: "http://h/x", want: true},
		{key: "HTTPS*", url: "http://h/x", want: true},
		{key: "//h/a", url: "http://h/a", want: false},
		{key: "http://h/a", url: "http://i//h/a", want: false},
		{key: "https://h:8443/a", url: "https://h/a", want: false},
		{key: "http://h/a", url: "http://h:81/a", want: false},
		{key: "https://h/a*", url: "https://hh/ab", want: false},
		{key: "http://h?x*", url: "http://h/?xy", want: true},
		{key: "/ü", url: "http://h/%C3%BC", want: true},
		{key: "/ü", url: "http://h/%C3%BC?ü", want: true},
		{key: "http://h/ü", url: "http://h/%C3%BC", want: true},
		{key: "/\"?\"", url: "http://h/%22?\"", want: true},
		{key: "/%c3%bc", url: "http://h/%c3%bc", want: true},
		{key: "/%c3%bc", url: "http://h/%C3%BC", want: false},
		{key: "/%70", url: "http://h/p", want: false},
		{key: "/(ü)", url: "http://h/(%C3%BC)", want: true},
		{key: "/(ü)", url: "http://h/%28%C3%BC%29", want: true}, // what EscapedPath makes of it
		{key: "/(u)", url: "http://h/%28u%29", want: false},
		{key: "/ü*", url: "http://h/%C3%BCber", want: true},
		{key: "/ü?a*", url: "http://h/%C3%BC?ab", want: true},
		{key: "http://h/ü*", url: "http://h/%C3%BCber", want: true},
		{key: "/(*", url: "http://h/(%C3%BC)", want: true},
		{key: "/(*", url: "http://h/%28%C3%BC%29", want: true},
		{key: "/%C3*", url: "http://h/%C3%BC", want: true},
		{key: "/%C*", url: "http://h/%C3%BC", want: true},
		{key: "/%*", url: "http://h/%C3%BC", want: true},
		{key: "/(%C*", url: "http://h/%28%C3%BC%22", want: true},
		{key: "/(ü)?a*", url: "http://h/%28%C3%BC%29?ab", want: true},
		{key: "/(ü)?a*", url: "http://h/%28%C3%BC%29?b", want: false},
		{key: "/%zz", url: "http://h/%zz", want: true}, // no request has it
		{key: "HTTP://H:80/a", url: "http://h/a", want: true},
		{key: "https://h:443/a", url: "https://H/a", want: true},
		{key: "https://h:80/a", url: "https://h:80/a", want: true},
		{key: "http://h", url: "http://h/", want: true},
		{key: "http://h?x", url: "http://h/?x", want: true},
		{key: "http://h/a#part", url: "http://h/a", want: true},
		{key: "http://H/A*", url: "http://h/Ab", want: true},
		{key: "http://H/A*", url: "http://h/ab", want: false},
		{key: "http://h:80/*", url: "http://h/x", want: true},
		{key: "http://h:80*", url: "http://h/x", want: true},
		{key: "http://EXAMPLE*", url: "http://example.com/x", want: true},
		{key: "http://[::1]:80/a", url: "http://[::1]/a", want: true},
		{key: "http://[::1*", url: "http://[::1]/a", want: true},
		{key: "HTTPS*", url: "https://h/x", want: true},
		{key: "http://\u212a/*", url: "http://k/x", want: false},
	} {
		url := tt.url
		if url == "" {
			url = "http://h/"
		}
		host, target, _ := splitURL(url)
		p := newPlace(url[:strings.Index(url, ":")], host, target)
		table := newTable()
		if tt.tag != "" {
			table.put(tagSelector(tt.tag), fence{hard: 1})
		} else {
			for _, s := range keySelectors(tt.key) {
				table.put(s, fence{hard: 1})
			}
		}
		if got := table.judge(0, &p, tt.tags); got.hard != tt.want {
			t.Errorf("tag %q, key %q: covers %s %v: %v, want %v", tt.tag, tt.key, url, tt.tags, got.hard, tt.want)
		}
	}
}

// TestKeysAreSpelledAsRequests: what a client sends, raw or encoded, is covered by a
// key of the same text, and by each that begins so.
func TestKeysAreSpelledAsRequests(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"a", "Z", "/", "ü", "\"", "(", "!", "*", "[", "|", "%41", "%2f", "%C3", "%", ";", "@", "~", " ", "+"})
	rapid.Check(t, func(t *rapid.T) {
		path := "/"
		for range rapid.IntRange(0, 6).Draw(t, "pieces") {
			path += piece.Draw(t, "piece")
		}
		asked, err := url.ParseRequestURI(path)
		if err != nil {
			return // no request has it
		}
		p := newPlace("http", "h", targetOf(asked))
		key, covered := path, newTable()
		if rapid.Bool().Draw(t, "open") {
			key = path[:rapid.IntRange(1, len(path)).Draw(t, "length")] + "*"
		} else if path[len(path)-1] == '*' {
			return
		}
		for _, s := range keySelectors(key) {
			covered.put(s, fence{hard: 1})
		}
		if v := covered.judge(0, &p, nil); !v.hard {
			t.Fatalf("key %q does not cover %q, that is %s", key, path, p.url)
		}
	})
}

// TestKeysOfOlderVersions are in their state files, with the scheme.
func TestKeysOfOlderVersions(t *testing.T) {
	t.Parallel()
	p := newPlace("http", "h", "/ab")
	for _, s := range []selector{{kindKey, "http://h/ab"}, {kindKeyPrefix, "http://h/a"}} {
		table := newTable()
		table.put(s, fence{hard: 1})
		if v := table.judge(0, &p, nil); !v.hard {
			t.Errorf("%v does not cover %s", s, p.url)
		}
	}
}
