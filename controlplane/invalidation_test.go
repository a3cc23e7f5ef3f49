package controlplane_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

func TestNewInvalidation(t *testing.T) {
	t.Parallel()
	type selection = controlplane.Invalidation
	for name, row := range map[string]struct{ given, want selection }{
		"all":                  {selection{All: true}, selection{Tags: []string{}, Keys: []string{}, All: true}},
		"the tag * alone":      {selection{Tags: []string{"*"}}, selection{Tags: []string{}, Keys: []string{}, All: true}},
		"the tag * among tags": {selection{Tags: []string{"a", "*", "b"}}, selection{Tags: []string{"a", "b"}, Keys: []string{}, All: true}},
		"tags": {
			selection{Tags: []string{"post:1", "a*", "two words", "日本", "a,b", "<&>", strings.Repeat("x", controlplane.MaxTagBytes)}},
			selection{Tags: []string{"post:1", "a*", "two words", "日本", "a,b", "<&>", strings.Repeat("x", controlplane.MaxTagBytes)}, Keys: []string{}},
		},
		"keys": {
			selection{Keys: []string{"/", "/*", "/a?b=c", "/a?*", "/a:b//c", "https://example.com/a", "http://[::1]:8080/*", "https://exam*", "HTTPS://example.com"}},
			selection{Tags: []string{}, Keys: []string{"/", "/*", "/a?b=c", "/a?*", "/a:b//c", "https://example.com/a", "http://[::1]:8080/*", "https://exam*", "HTTPS://example.com"}},
		},
		"long key": {
			selection{Keys: []string{"/" + strings.Repeat("x", controlplane.MaxKeyBytes-1)}},
			selection{Tags: []string{}, Keys: []string{"/" + strings.Repeat("x", controlplane.MaxKeyBytes-1)}},
		},
		"repeats": {
			selection{Tags: []string{"b", "a", "b", "a*", "a"}, Keys: []string{"/y", "/x", "/y"}},
			selection{Tags: []string{"b", "a", "a*"}, Keys: []string{"/y", "/x"}},
		},
		"the rest stays": {
			selection{All: true, Soft: true, Settle: time.Second},
			selection{Tags: []string{}, Keys: []string{}, All: true, Soft: true, Settle: time.Second},
		},
	} {
		tags := slices.Clone(row.given.Tags)
		got, err := controlplane.NewInvalidation(row.given)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(tags, row.given.Tags); diff != "" {
			t.Errorf("%s: the caller's own list changed:\n%s", name, diff)
		}
	}
}

func TestNewInvalidationRefuses(t *testing.T) {
	t.Parallel()
	_, err := controlplane.NewInvalidation(controlplane.Invalidation{Soft: true, Settle: time.Second, Tags: []string{}})
	expectRefusal(t, "nothing", err, controlplane.ReasonNothingSelected)
	for _, tag := range []string{
		"", "a*b", "*a", "**", "a**", "*a*", " a", "a ", "\u00a0a", " ", "a\nb", "a\tb", "a\x00", "\x7f", "a\u0085b", "\xff", "a\xc3",
		strings.Repeat("x", controlplane.MaxTagBytes+1), strings.Repeat("x", controlplane.MaxTagBytes) + "*",
	} {
		_, err := controlplane.NewInvalidation(controlplane.Invalidation{Tags: []string{"good", tag}, All: true})
		expectRefusal(t, "tag "+tag, err, controlplane.ReasonInvalidTag)
	}
	for _, key := range []string{
		"", "*", "**", "/a*b", "/**", "a", "a/b", "./a", "example.com/a", "?a", "/a b", "/a\n", "/a\x00", "/\xff", "/a#b", "/#", "https://example.com/#top",
		"ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "http:", "http:*", "http:/a", "http://", "https://*", "http:///a", "https:example.com/a",
		"https://user@example.com/", "https://user:pass@example.com/*", "https://[::1/", "https://exa mple.com/", "https://example.com:port/", "://a",
		"/" + strings.Repeat("x", controlplane.MaxKeyBytes),
	} {
		_, err := controlplane.NewInvalidation(controlplane.Invalidation{Keys: []string{"/good", key}, All: true})
		expectRefusal(t, "key "+key, err, controlplane.ReasonInvalidKey)
	}
}

func expectRefusal(t *testing.T, name string, err error, reason string) {
	t.Helper()
	refusal, ok := errors.AsType[*controlplane.Error](err)
	if !ok || refusal.Kind != controlplane.Invalid || refusal.Reason != reason || refusal.Message == "" {
		t.Errorf("%.60q: %+v, want a refusal with %s", name, err, reason)
	}
}

// TestKeyOfEverything points at what was meant.
func TestKeyOfEverything(t *testing.T) {
	t.Parallel()
	_, err := controlplane.NewInvalidation(controlplane.Invalidation{Keys: []string{"*"}})
	if err == nil || !strings.Contains(err.Error(), "use all") {
		t.Errorf("the key *: %v", err)
	}
}

// TestSelectionBound counts tags and keys together, to the byte.
func TestSelectionBound(t *testing.T) {
	t.Parallel()
	const tag, key = controlplane.MaxTagBytes, controlplane.MaxKeyBytes
	full := controlplane.Invalidation{}
	for i := range controlplane.MaxSelectionBytes / 2 / tag {
		full.Tags = append(full.Tags, fmt.Sprintf("%0*d", tag, i))
	}
	for i := range controlplane.MaxSelectionBytes / 2 / key {
		full.Keys = append(full.Keys, fmt.Sprintf("/%0*d", key-1, i))
	}
	if _, err := controlplane.NewInvalidation(full); err != nil {
		t.Errorf("a full selection is refused: %v", err)
	}
	over := full
	over.Tags = append(slices.Clone(full.Tags), "x")
	_, err := controlplane.NewInvalidation(over)
	expectRefusal(t, "a tag more", err, controlplane.ReasonSelectionTooLarge)
	over = full
	over.Keys = append(slices.Clone(full.Keys), "/")
	_, err = controlplane.NewInvalidation(over)
	expectRefusal(t, "a key more", err, controlplane.ReasonSelectionTooLarge)
}

// TestLargestSelectionFitsAFrame takes the shortest of the tags whose every byte
// becomes six in JSON: no selection that is let in has a larger event.
func TestLargestSelectionFitsAFrame(t *testing.T) {
	t.Parallel()
	var tags []string
	size := 0
	for shorter := []string{""}; size < controlplane.MaxSelectionBytes; {
		var longer []string
		for _, start := range shorter {
			for _, c := range []string{"<", ">", "&"} {
				longer = append(longer, start+c)
			}
		}
		for _, tag := range longer {
			if size+len(tag) <= controlplane.MaxSelectionBytes {
				tags = append(tags, tag)
			}
			size += len(tag)
		}
		shorter = longer
	}
	invalidation, err := controlplane.NewInvalidation(controlplane.Invalidation{Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	e := newState().apply(t, invalidation.Decide)
	if _, err := wire.AppendEvent(nil, wire.Cursor{Epoch: "a", Position: 1}, e.Type, e.Data); err != nil {
		t.Errorf("%d tags make an event of %d bytes: %v", len(tags), len(e.Data), err)
	}
}

func TestInvalidationDecide(t *testing.T) {
	t.Parallel()
	for want, given := range map[string]controlplane.Invalidation{
		`{"tags":[],"keys":[],"all":true,"soft":false,"timestamp":1800000000}`:                         {All: true},
		`{"tags":[],"keys":[],"all":true,"soft":true,"timestamp":1800000000}`:                          {Tags: []string{"*"}, Soft: true},
		`{"tags":["a"],"keys":[],"all":false,"soft":false,"settle":"1.5s","timestamp":1800000000}`:     {Tags: []string{"a"}, Settle: 1500 * time.Millisecond},
		`{"tags":[],"keys":["/a*"],"all":false,"soft":false,"settle":"1h0m0s","timestamp":1800000000}`: {Keys: []string{"/a*"}, Settle: time.Hour},
	} {
		invalidation, err := controlplane.NewInvalidation(given)
		if err != nil {
			t.Fatal(err)
		}
		e := newState().apply(t, invalidation.Decide)
		expectData(t, e, want)
		if !e.Moment() || e.Type != wire.TypeCacheInvalidated || !e.ExpiresAt.IsZero() || e.Tombstone {
			t.Errorf("%+v is no moment event", e)
		}
	}
}

// TestCanonicalInvalidation wants the canonical form to be a fixed point that
// selects what was asked for, each once.
func TestCanonicalInvalidation(t *testing.T) {
	t.Parallel()
	tag := rapid.SampledFrom([]string{"*", "a", "b", "a*", "b*", "c d"})
	key := rapid.SampledFrom([]string{"/", "/a", "/a*", "https://h/", "https://h/*"})
	rapid.Check(t, func(t *rapid.T) {
		given := controlplane.Invalidation{
			Tags: rapid.SliceOfN(tag, 0, 8).Draw(t, "tags"), Keys: rapid.SliceOfN(key, 1, 8).Draw(t, "keys"), All: rapid.Bool().Draw(t, "all"),
		}
		got, err := controlplane.NewInvalidation(given)
		if err != nil {
			t.Fatal(err)
		}
		again, err := controlplane.NewInvalidation(got)
		if diff := cmp.Diff(got, again); err != nil || diff != "" {
			t.Errorf("%+v: no fixed point: %v\n%s", given, err, diff)
		}
		if got.All != (given.All || slices.Contains(given.Tags, "*")) {
			t.Errorf("%+v: all is %t", given, got.All)
		}
		checkDistinct(t, given.Tags, got.Tags)
		checkDistinct(t, given.Keys, got.Keys)
	})
}

func checkDistinct(t *rapid.T, given, got []string) {
	t.Helper()
	for _, s := range given {
		n := 0
		for _, g := range got {
			if g == s {
				n++
			}
		}
		if s != "*" && n != 1 || s == "*" && n != 0 {
			t.Errorf("%q stands %d times in %q", s, n, got)
		}
	}
	if len(got) > len(given) {
		t.Errorf("%q grew out of %q", got, given)
	}
}
