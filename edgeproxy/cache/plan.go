package cache

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// change is one invalidation, written but not yet in force.
type change struct {
	generation uint64
	selectors  []selector
	fence      fence
	// floor: it replaces every fence there is.
	floor bool
}

// stamp gives the change its generation.
func (c *change) stamp(generation uint64) {
	c.generation = generation
	if len(c.fence.soft) == 0 {
		c.fence.hard = generation
		return
	}
	c.fence.soft[0].generation = generation
}

func floor(fn fence) change {
	return change{selectors: []selector{everything}, fence: fn, floor: true}
}

// additions are the selectors that one transaction adds to the table.
type additions struct {
	selectors map[selector]struct{}
	lengths   map[selector]struct{}
}

func newAdditions() *additions {
	return &additions{selectors: map[selector]struct{}{}, lengths: map[selector]struct{}{}}
}

func (a *additions) add(t *table, s selector) {
	if t.has(s) {
		return
	}
	a.selectors[s] = struct{}{}
	if p := t.prefixes(s.kind); p != nil && !p.hasLength(len(s.text)) {
		a.lengths[selector{s.kind, strconv.Itoa(len(s.text))}] = struct{}{}
	}
}

// plan says what an invalidation changes, all but the generation. Where the table
// would grow too large it is a floor.
func (f *Fences) plan(event *wire.CacheInvalidated, added *additions) (change, error) {
	settleUntil, err := f.settleUntil(event)
	c := change{fence: fence{settleUntil: settleUntil}, selectors: selectors(event)}
	if err != nil {
		return c, err
	}
	if len(c.selectors) == 0 {
		return c, fmt.Errorf("%w: an invalidation selects nothing", wire.ErrUndecodable)
	}
	whole := !event.Soft && slices.Contains(c.selectors, everything)
	if whole || !f.fits(c.selectors, added) {
		return floor(c.fence), nil
	}
	if event.Soft {
		c.fence.soft = graces{{at: f.softAt(event)}}
	}
	return c, nil
}

func (f *Fences) fits(list []selector, added *additions) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, s := range list {
		added.add(f.table, s)
	}
	return f.table.size()+len(added.selectors) <= f.max &&
		f.table.lengths()+len(added.lengths) <= maxPrefixLengths
}

func selectors(event *wire.CacheInvalidated) []selector {
	if event.All {
		return []selector{everything}
	}
	list := make([]selector, 0, len(event.Tags)+len(event.Keys))
	for _, tag := range event.Tags {
		list = append(list, tagSelector(tag))
	}
	for _, key := range event.Keys {
		list = append(list, keySelectors(key)...)
	}
	return list
}

// settleUntil counts from now: the event's own time has whole seconds only, and
// another machine's clock gave it.
func (f *Fences) settleUntil(event *wire.CacheInvalidated) (int64, error) {
	if event.Settle == "" {
		return 0, nil
	}
	settle, err := time.ParseDuration(event.Settle)
	if err != nil || settle < 0 {
		return 0, fmt.Errorf("%w: settle is %q", wire.ErrUndecodable, event.Settle)
	}
	return f.now().Add(settle).UnixMilli(), nil
}

// softAt is now, or earlier where the event was long under way.
func (f *Fences) softAt(event *wire.CacheInvalidated) int64 {
	now := f.now().UnixMilli()
	if event.Timestamp <= 0 {
		return now
	}
	return min(now, (event.Timestamp+1)*1000)
}
