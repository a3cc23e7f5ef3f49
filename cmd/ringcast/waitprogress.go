package main

import (
	"context"
	"fmt"
	"time"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

const (
	// pollEvery is how long before the edges are first asked after, and the pause
	// between: a wait is most often over before.
	pollEvery = 300 * time.Millisecond
	// pollShare keeps the list of a large fleet from costing more than this part of
	// the time: it pauses so many times as long as the list took.
	pollShare = 10
	// maxProgressNames and maxProgressName keep the line on one line of a terminal:
	// names, and characters of each.
	maxProgressNames = 2
	maxProgressName  = 24
)

// waitProgress is what a terminal shows of a wait.
type waitProgress struct {
	// members are the edges that counted when they were first listed; known is how
	// many were known then.
	members map[edgeKey]bool
	known   int
	drawn   bool
}

// edgeKey tells edges apart.
type edgeKey struct{ node, instance string }

// watch draws the progress on a terminal until stop is called.
func (w *waiter) watch(ctx context.Context) (stop func()) {
	if !w.terminal {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.poll(ctx)
	}()
	return func() {
		cancel()
		<-done
		if w.progress.drawn {
			w.write("\r\x1b[K")
		}
	}
}

func (w *waiter) poll(ctx context.Context) {
	for rest := pollEvery; pause(ctx, rest); {
		began := time.Now()
		edges, err := allEdges(ctx, w.call, w.fleet)
		if ctx.Err() != nil {
			return
		}
		text := w.line(edges)
		if err != nil {
			text = fmt.Sprintf("%s · waiting for %s", spaced(w.now().Sub(w.began)), w.server)
		}
		// The terminal does not begin a second line (DECAWM), which could not be cleared.
		w.write("\r\x1b[K\x1b[?7l" + clean(text) + "\x1b[?7h")
		w.progress.drawn = true
		rest = max(pollEvery, pollShare*time.Since(began))
	}
}

// write gives up on whoever cannot be told.
func (w *waiter) write(text string) { _, _ = w.errOut.Write([]byte(text)) }

// line says how far the edges are. Like the wait itself it counts those that were
// there when it began; that an edge counts is otherwise the control plane's word.
func (w *waiter) line(edges []*ringcastv1.Edge) string {
	if w.progress.members == nil {
		w.progress.begin(edges, w.waitFor.quorum)
	}
	var missing []*ringcastv1.Edge
	counted := 0
	for _, edge := range edges {
		if !w.progress.members[keyOf(edge)] {
			continue
		}
		counted++
		if edge.GetEpoch() != w.epoch || edge.GetPosition() < w.position {
			missing = append(missing, edge)
		}
	}
	needed := counted
	if w.waitFor.quorum.counts() {
		needed = w.waitFor.quorum.of(w.progress.known)
	}
	text := fmt.Sprintf("%d/%d edges · %s", counted-len(missing), needed, spaced(w.now().Sub(w.began)))
	if len(missing) == 0 {
		return text
	}
	return text + " · waiting for " + w.missing(missing)
}

func (w *waiter) missing(edges []*ringcastv1.Edge) string {
	if len(edges) == 1 && edges[0].GetLastHeard() != nil {
		return fmt.Sprintf("%s, last heard %s ago", progressName(edges[0]), spaced(w.now().Sub(edges[0].GetLastHeard().AsTime())))
	}
	var names []string
	for _, edge := range edges {
		names = append(names, progressName(edge))
	}
	return enumerate(names, maxProgressNames)
}

func (p *waitProgress) begin(edges []*ringcastv1.Edge, q quorum) {
	p.members, p.known = make(map[edgeKey]bool), len(edges)
	for _, edge := range edges {
		if q != quorumLive || edge.GetLive() {
			p.members[keyOf(edge)] = true
		}
	}
}

func keyOf(edge *ringcastv1.Edge) edgeKey { return edgeKey{edge.GetNodeId(), edge.GetInstance()} }

func progressName(edge *ringcastv1.Edge) string {
	if name := []rune(edge.GetNodeId()); len(name) > maxProgressName {
		return string(name[:maxProgressName]) + "…"
	}
	return edge.GetNodeId()
}
