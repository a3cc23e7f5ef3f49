package cache

import (
	"testing"
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
		{key: "http://h/a", url: "https://h/a", want: false},
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
	} {
		url := tt.url
		if url == "" {
			url = "http://h/"
		}
		scheme, host, target, _ := splitURL(url)
		p := newPlace(scheme, host, target)
		table := newTable()
		if tt.tag != "" {
			table.put(tagSelector(tt.tag), fence{hard: 1})
		} else {
			table.put(keySelector(tt.key), fence{hard: 1})
		}
		if got := table.judge(0, &p, tt.tags); got.hard != tt.want {
			t.Errorf("tag %q, key %q: covers %s %v: %v, want %v", tt.tag, tt.key, url, tt.tags, got.hard, tt.want)
		}
	}
}
