package main

import (
	"errors"
	"fmt"
	"time"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// maxNamed bounds how many edges a sentence names. JSON has all of them.
const maxNamed = 20

// tell tells the outcome of a wait that took so long.
func (w *waiter) tell(r *ringcastv1.WaitAppliedResponse, took time.Duration) error {
	if w.printer.format != formatTable {
		if err := w.printer.message(r); err != nil {
			return err
		}
	}
	w.noteForgotten(r.GetForgotten())
	if !r.GetQuorumReached() {
		return w.unconfirmed(errors.New(clean(shortfall(r, took))))
	}
	if len(r.GetEdges()) == 0 {
		w.note("%s: nobody was waited for", nobody(r))
		return nil
	}
	_, counted := tally(r)
	w.note("in force on %d of %s after %s", r.GetConfirmed(), count(counted, "edge", "edges"), spaced(took))
	return nil
}

// printReceipt prints what was to be a part of the outcome.
func (w *waiter) printReceipt() error {
	if w.receipt == nil {
		return nil
	}
	return w.receipt()
}

// tally gives the edges that do not have it in force, and how many still counted at
// the end.
func tally(r *ringcastv1.WaitAppliedResponse) (missing []*ringcastv1.EdgeConfirmation, counted int) {
	for _, edge := range r.GetEdges() {
		switch edge.GetState() {
		case ringcastv1.EdgeConfirmation_STATE_GONE:
			continue
		case ringcastv1.EdgeConfirmation_STATE_CONFIRMED:
		default:
			missing = append(missing, edge)
		}
		counted++
	}
	return missing, counted
}

// shortfall says why the quorum was not reached.
func shortfall(r *ringcastv1.WaitAppliedResponse, took time.Duration) string {
	if len(r.GetEdges()) == 0 {
		return nobody(r) + ", so nobody has confirmed it; --allow-no-edges takes that for success"
	}
	takes := ""
	if quorum(r.GetQuorum()).counts() {
		takes = fmt.Sprintf(" (--wait=%s takes %d)", r.GetQuorum(), r.GetNeeded())
	}
	missing, counted := tally(r)
	if len(missing) == 0 {
		return fmt.Sprintf("in force on %d edges, and no other is left to confirm it%s", counted, takes)
	}
	return fmt.Sprintf("not in force on %d of %s after %s%s: %s",
		len(missing), count(counted, "edge", "edges"), short(took), takes, enumerate(standings(missing, twins(r)), maxNamed))
}

func nobody(r *ringcastv1.WaitAppliedResponse) string {
	if r.GetQuorum() == quorumLive {
		return "no edge can be reached"
	}
	return "no edge is known"
}

// twins counts the edges of each name.
func twins(r *ringcastv1.WaitAppliedResponse) map[string]int {
	named := make(map[string]int)
	for _, edge := range r.GetEdges() {
		named[edge.GetNodeId()]++
	}
	return named
}

// standings names edges with how they stand, and where several share a name with
// the instance.
func standings(edges []*ringcastv1.EdgeConfirmation, named map[string]int) []string {
	var texts []string
	for _, edge := range edges {
		instance := ""
		if named[edge.GetNodeId()] > 1 {
			instance = "instance " + shortInstance(edge.GetInstance()) + "; "
		}
		texts = append(texts, fmt.Sprintf("%s (%s%s)", edge.GetNodeId(), instance, standing(edge)))
	}
	return texts
}

func standing(edge *ringcastv1.EdgeConfirmation) string {
	switch {
	case edge.GetState() != ringcastv1.EdgeConfirmation_STATE_UNREACHABLE && edge.GetPosition() == 0:
		return "nothing in force yet"
	case edge.GetState() != ringcastv1.EdgeConfirmation_STATE_UNREACHABLE:
		return fmt.Sprintf("lagging at %d", edge.GetPosition())
	case edge.GetUnreachableSince() == nil:
		return "unreachable"
	}
	return "unreachable since " + since(edge.GetUnreachableSince())
}

// shortInstance is enough of an instance to tell it from another.
func shortInstance(instance string) string {
	const enough = 8 // characters
	if runes := []rune(instance); len(runes) > enough {
		return string(runes[:enough]) + "…"
	}
	return instance
}

// noteForgotten names edges that the answer leaves out.
func (c *call) noteForgotten(forgotten []*ringcastv1.ForgottenEdge) {
	if len(forgotten) == 0 {
		return
	}
	var names []string
	for _, edge := range forgotten {
		names = append(names, fmt.Sprintf("%s (instance %s, %s)", edge.GetNodeId(), shortInstance(edge.GetInstance()), since(edge.GetForgetTime())))
	}
	c.note("not counted, as forgotten automatically: %s", enumerate(names, maxNamed))
}
