// Package filter decides which events a subscriber hears, by the types, channels
// and tags that it names.
//
// Each part concerns what has it and lets all else pass: types every event,
// channels published events, tags invalidations. An event passes where every part
// lets it pass.
package filter

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

// Filter is what a subscriber named, at least one part of it. It never changes.
type Filter struct {
	// types, channels and tags are nil where they were not given.
	types, channels, tags *names
	key                   string
}

// Key is the same for filters that pick the same because they name the same, in
// whatever order.
func (f *Filter) Key() string { return f.key }

// Pick leaves of a unit what the subscriber hears: published events where it names
// their channel, and of an invalidation's tags those that its own may touch. The
// unit is not changed; it is itself the result where all of it passes.
func (f *Filter) Pick(unit controlplane.Unit) controlplane.Unit {
	whole := true
	picked := make([]controlplane.Event, 0, len(unit.Events))
	for _, e := range unit.Events {
		heard, passes := f.pick(e)
		whole = whole && passes && bytes.Equal(heard.Data, e.Data)
		if passes {
			picked = append(picked, heard)
		}
	}
	if !whole {
		unit.Events = picked
	}
	return unit
}

func (f *Filter) pick(e controlplane.Event) (heard controlplane.Event, passes bool) {
	switch {
	case f.types != nil && !f.types.cover(e.Type):
		return e, false
	case e.Channel != "":
		return e, f.channels != nil && f.channels.cover(e.Channel)
	case f.tags != nil && e.Type == wire.TypeCacheInvalidated:
		return f.pickTags(e)
	}
	return e, true
}

// pickTags leaves out the tags that are none of the subscriber's. Keys and all may
// touch anything. What cannot be read is not shown: it may name others' tags.
func (f *Filter) pickTags(e controlplane.Event) (heard controlplane.Event, passes bool) {
	var i wire.CacheInvalidated
	if err := json.Unmarshal(e.Data, &i); err != nil {
		return e, false
	}
	named := len(i.Tags)
	i.Tags = slices.DeleteFunc(i.Tags, func(tag string) bool { return !f.tags.touch(tag) })
	if len(i.Tags) < named {
		_, e.Data = wire.Encode(&i)
	}
	return e, len(i.Tags) > 0 || len(i.Keys) > 0 || i.All
}
