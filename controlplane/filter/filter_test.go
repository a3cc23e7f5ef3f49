package filter_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/filter"
)

func parse(t *testing.T, query string) *filter.Filter {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	f, err := filter.Parse(values)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return f
}

// TestKey wants one key for all ways to name the same, and another for all else.
func TestKey(t *testing.T) {
	t.Parallel()
	keys := map[string]int{}
	for i, same := range [][]string{
		{"types=a,b", "types=b,a", "types=a,b,a", "types=a&types=b", "types=b&x=1&types=a"},
		{"types=a"},
		{"channels=a"},
		{"channels=a,b"},
		{"channels=a*", "channels=a*,ab,a,abc*", "channels=ab*,a*"},
		{"channels=*", "channels=*,a,b*"},
		{"tags=a", "tags=a,a"},
		{"tags=a!*,ab*", "tags=ab*,a!*"},
		{"tags=a*", "tags=a*,a!*"},
		{"types=a&channels=b", "channels=b&types=a"},
		{"types=a&tags=b"},
	} {
		for _, query := range same {
			key := parse(t, query).Key()
			if other, seen := keys[key]; seen && other != i {
				t.Errorf("%s has the key of group %d", query, other)
			}
			keys[key] = i
		}
	}
	if len(keys) != 11 {
		t.Errorf("%d keys of 11 groups: %v", len(keys), keys)
	}
	if f := parse(t, "follow=false&node=a"); f != nil {
		t.Errorf("%+v of a query without a filter", f)
	}
}

func TestPickOfTags(t *testing.T) {
	t.Parallel()
	data := func(rest string) string { return `{"tags":` + rest + `,"soft":false,"timestamp":1}` }
	for _, row := range []struct{ tags, data, want string }{
		{"posts:*,user:7", data(`["posts:1","user:8"],"keys":[],"all":false`), data(`["posts:1"],"keys":[],"all":false`)},
		{"posts:*,user:7", data(`["user:7","posts:1"],"keys":[],"all":false`), data(`["user:7","posts:1"],"keys":[],"all":false`)},
		{"posts:*", data(`["post*","p*","posts:1*","posts","*x"],"keys":[],"all":false`), data(`["post*","p*","posts:1*"],"keys":[],"all":false`)},
		{"user:7", data(`["user:*","user:70*","user:77"],"keys":[],"all":false`), data(`["user:*"],"keys":[],"all":false`)},
		{"user:7", data(`["other"],"keys":[],"all":false`), ""},
		{"user:7", data(`["other"],"keys":["/a"],"all":false`), data(`[],"keys":["/a"],"all":false`)},
		{"user:7", data(`["other"],"keys":[],"all":true`), data(`[],"keys":[],"all":true`)},
		{"user:7", data(`[],"keys":[],"all":true`), data(`[],"keys":[],"all":true`)},
		{"*", data(`["a","b*"],"keys":[],"all":false`), data(`["a","b*"],"keys":[],"all":false`)},
		{"user:7", `{"tags":"other"}`, ""},
	} {
		unit := controlplane.Unit{Position: 2, Events: []controlplane.Event{
			{Position: 1, Type: "ip_banned", Data: []byte(`{}`)}, {Position: 2, Type: "cache_invalidated", Data: []byte(row.data)},
		}}
		got := parse(t, "tags="+row.tags).Pick(unit)
		if string(unit.Events[1].Data) != row.data || len(unit.Events) != 2 {
			t.Fatalf("the unit itself was changed: %v", unit)
		}
		var heard string
		if len(got.Events) > 1 {
			heard = string(got.Events[1].Data)
		}
		if diff := cmp.Diff(row.want, heard); diff != "" || got.Events[0].Type != "ip_banned" {
			t.Errorf("%s of %s (-want +got):\n%s", row.tags, row.data, diff)
		}
		if same := &got.Events[0] == &unit.Events[0]; same != (row.want == row.data) {
			t.Errorf("%s of %s: the unit itself: %t", row.tags, row.data, same)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("a,", filter.MaxNames)
	for query, want := range map[string]string{
		"types=":                               "types: a name is empty",
		"types=a,":                             "types: a name is empty",
		"types=a*":                             `types: "a*" is not of`,
		"types=" + many + "b":                  "types: there are 101 names; the limit is 100",
		"channels=a&channels=" + many:          "channels: there are 102 names",
		"channels=a+b":                         `channels: "a b" is not of`,
		"channels=*a":                          `channels: "*a" is not of`,
		"channels=" + strings.Repeat("c", 129): "channels: ",
		"tags=a*b":                             "tags: tag \"a*b\" has a *",
		"tags=" + strings.Repeat("t", 257):     "tags: a tag has 257 bytes",
		"tags=%ff":                             "tags: ",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		f, err := filter.Parse(values)
		if f != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40s: %v, %v; want %s", query, f, err, want)
		}
	}
}

// FuzzParse wants a filter that is taken to have a key that is a filter of the same
// key, and to show nothing but what it names.
func FuzzParse(f *testing.F) {
	f.Add("a,b", "a*,b", "posts:*,user:7", "a", "posts:1")
	f.Add("", "*", "*,a", "x", "post*")
	f.Add("a", "", "a*b", "é", "")
	f.Fuzz(func(t *testing.T, types, channels, tags, channel, tag string) {
		query := url.Values{}
		for name, value := range map[string]string{"types": types, "channels": channels, "tags": tags} {
			if value != "" {
				query.Set(name, value)
			}
		}
		chosen, err := filter.Parse(query)
		if err != nil || chosen == nil {
			return
		}
		parts := strings.Split(chosen.Key(), "\n")
		again := url.Values{}
		for i, name := range []string{"types", "channels", "tags"} {
			if parts[i] != "" {
				again.Set(name, parts[i])
			}
		}
		same, err := filter.Parse(again)
		if err != nil || same.Key() != chosen.Key() {
			t.Fatalf("%q is the key of %v, which has %v, %v", chosen.Key(), query, same, err)
		}
		published := controlplane.Event{Position: 1, Type: "t", Channel: channel}
		shown := len(chosen.Pick(controlplane.Unit{Position: 1, Events: []controlplane.Event{published}}).Events) > 0
		named := false
		for _, name := range strings.Split(channels, ",") {
			prefix, star := strings.CutSuffix(name, "*")
			named = named || name != "" && (name == channel || star && strings.HasPrefix(channel, prefix))
		}
		typed := types == "" || strings.Contains(","+types+",", ",t,")
		if channel != "" && shown != (named && typed) {
			t.Errorf("%v shows a publication on %q: %t", query, channel, shown)
		}
		invalidation, err := controlplane.NewInvalidation(controlplane.Invalidation{Tags: []string{tag}})
		if err != nil || invalidation.All || types != "" {
			return
		}
		events, err := invalidation.Decide(now{})
		if err != nil {
			t.Fatal(err)
		}
		picked := chosen.Pick(controlplane.Unit{Position: 1, Events: events})
		if again := same.Pick(controlplane.Unit{Position: 1, Events: events}); len(again.Events) != len(picked.Events) {
			t.Errorf("%v and %v differ in %q", query, parts, tag)
		}
		if tags != "" && len(picked.Events) > 0 && !related(tags, tag) {
			t.Errorf("%q shows %q", tags, tag)
		}
	})
}

// related tells whether a tag and one of some others begin alike.
func related(tags, tag string) bool {
	tag = strings.TrimSuffix(tag, "*")
	for _, name := range strings.Split(tags, ",") {
		name = strings.TrimSuffix(name, "*")
		if strings.HasPrefix(name, tag) || strings.HasPrefix(tag, name) {
			return true
		}
	}
	return false
}

// now is the state of which an invalidation asks no more than the time.
type now struct{ controlplane.State }

func (now) Now() time.Time { return time.Unix(1_800_000_000, 0) }
