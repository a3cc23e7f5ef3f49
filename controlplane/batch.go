package controlplane

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ReasonRepeatedEntity tells that two mutations of a batch are about the same.
const ReasonRepeatedEntity = "REPEATED_ENTITY"

// Mutation is one of a Batch: any of this package's that makes one event.
type Mutation interface {
	// Decide implements Decision.
	Decide(State) ([]Event, error)
	// entities names what the event will be the latest word on; nothing for a moment
	// event.
	entities() []string
}

// Batch asks for several mutations at once, all or none of them.
type Batch struct{ mutations []Mutation }

// NewBatch checks that no two mutations are about the same entity: of two in one
// unit only the latter would have any effect. The error is of kind Invalid.
func NewBatch(mutations ...Mutation) (Batch, error) {
	first := make(map[string]int, len(mutations))
	for index, m := range mutations {
		for _, entity := range m.entities() {
			if earlier, seen := first[entity]; seen {
				return Batch{}, Errorf(Invalid, ReasonRepeatedEntity, "%s and %s are about the same: %s",
					memberName(earlier), memberName(index), describe(entity))
			}
			first[entity] = index
		}
	}
	for index, m := range mutations {
		if err := lifted(index, m, mutations, first); err != nil {
			return Batch{}, err
		}
	}
	return Batch{mutations}, nil
}

// lifted refuses an unban of an address beside an automatic ban of the /64 that it
// lifts as well.
func lifted(index int, m Mutation, mutations []Mutation, first map[string]int) error {
	unban, ok := m.(Unban)
	if !ok {
		return nil
	}
	for _, entity := range unban.lifts() {
		if other, named := first[entity]; named {
			if _, bans := mutations[other].(Ban); bans {
				return Errorf(Invalid, ReasonRepeatedEntity, "%s lifts the ban of %s: %s", memberName(index), memberName(other), describe(entity))
			}
		}
	}
	return nil
}

// Decide implements Decision. The events are in the order of the mutations. Those of
// allow entries are decided on first, and a ban is checked against the entries as
// they leave them: the batch comes in force at once, so what counts is not the order
// in which a caller wrote it down. A refusal names its mutation; see Member.
func (b Batch) Decide(s State) ([]Event, error) {
	after := &changedState{State: s, latest: make(map[string]Event, len(b.mutations))}
	events := make([]Event, len(b.mutations))
	for _, index := range b.order() {
		decided, err := b.mutations[index].Decide(after)
		if err != nil {
			return nil, Member(index, err)
		}
		if len(decided) != 1 {
			return nil, fmt.Errorf("decide on %s: %d events", memberName(index), len(decided))
		}
		events[index] = decided[0]
		after.put(decided[0])
	}
	return namedOnce(events), nil
}

// namedOnce leaves each entity to the first event that names it: unbans of two addresses of one /64 both lift
// its automatic ban.
func namedOnce(events []Event) []Event {
	seen := map[string]bool{}
	for i := range events {
		events[i].Entities = slices.DeleteFunc(events[i].Entities, func(entity string) bool {
			again := seen[entity]
			seen[entity] = true
			return again
		})
	}
	return events
}

// order has the mutations of allow entries first.
func (b Batch) order() []int {
	order := make([]int, len(b.mutations))
	for index := range order {
		order[index] = index
	}
	rank := func(index int) int {
		switch b.mutations[index].(type) {
		case Allow, RemoveAllow:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(rank(i), rank(j)) })
	return order
}

// Member has a refusal name the mutation of a batch that it is about, by its index,
// which counts from 0. Other errors stay as they are.
func Member(index int, err error) error {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	return Errorf(refusal.Kind, refusal.Reason, "%s: %s", memberName(index), refusal.Message)
}

func memberName(index int) string { return fmt.Sprintf("mutations[%d]", index) }

// describe says what an entity is without a name in it that a caller may not want to
// read in a log: addresses are told, tokens are not.
func describe(entity string) string {
	if strings.HasPrefix(entity, TokenPrefix) {
		return "one token or subject"
	}
	_, ip, _ := strings.Cut(strings.TrimSuffix(entity, automaticSuffix), "/")
	return ip
}

// changedState is a log's head after some events more.
type changedState struct {
	State
	latest map[string]Event
}

func (c *changedState) put(e Event) {
	for _, entity := range e.Entities {
		c.latest[entity] = e
	}
}

// Latest implements State.
func (c *changedState) Latest(entity string) (Event, bool, error) {
	if e, changed := c.latest[entity]; changed {
		return e, true, nil
	}
	return c.State.Latest(entity)
}

// Any implements State.
func (c *changedState) Any(prefix string) (bool, error) {
	for entity := range c.latest {
		if strings.HasPrefix(entity, prefix) {
			return true, nil
		}
	}
	return c.State.Any(prefix)
}

func (b Ban) entities() []string         { return []string{b.entity()} }
func (u Unban) entities() []string       { return BanEntities(u.IP) }
func (a Allow) entities() []string       { return []string{AllowEntity(a.IP)} }
func (r RemoveAllow) entities() []string { return []string{AllowEntity(r.IP)} }
func (r Revocation) entities() []string  { return []string{TokenEntity(r.Token)} }
func (r Restoration) entities() []string { return []string{TokenEntity(r.Token)} }
func (Invalidation) entities() []string  { return nil }
func (Preload) entities() []string       { return nil }
func (Publication) entities() []string   { return nil }
