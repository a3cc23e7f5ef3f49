package controlplane

// Coalesced are invalidations of equal Soft and Settle that become one event. Each
// is that of the append's request of the same index. There is at least one.
type Coalesced []Invalidation

// Decide implements Decision. The event selects what the invalidations do, in their
// order; All takes the place of whatever else is named. Those whose request is a
// repeat are left out: their own event was recorded when it was first made.
func (c Coalesced) Decide(s State) ([]Event, error) {
	union := Invalidation{Soft: c[0].Soft, Settle: c[0].Settle}
	for index, i := range c {
		if s.Repeated(index) {
			continue
		}
		union.All = union.All || i.All
		union.Tags = append(union.Tags, i.Tags...)
		union.Keys = append(union.Keys, i.Keys...)
	}
	if union.All {
		union.Tags, union.Keys = nil, nil
	}
	return union.Decide(s)
}
