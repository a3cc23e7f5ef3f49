package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// reportPatience is how long check waits for the reports of edges that can be
// reached: one that takes longer is told as behind.
const reportPatience = 2 * time.Second

// fleetVerdict is what the control plane says of an address, and what edges are
// known to do.
type fleetVerdict struct {
	verdict *ringcastv1.CheckIPResponse
	edges   []*ringcastv1.Edge
	// Who has everything up to here in force enforces the verdict.
	epoch    string
	position uint64
}

func checkEverywhere(ctx context.Context, c *call, ip string) error {
	v, err := askEverywhere(ctx, c, ip)
	if err != nil {
		return err
	}
	if c.printer.format != formatTable {
		return v.printJSON(c.printer)
	}
	if err := c.printer.table(c.verdict(ip, v.verdict)...); err != nil {
		return err
	}
	if len(v.edges) == 0 {
		c.note("no edge is known")
		return nil
	}
	if _, err := fmt.Fprintln(c.printer.out); err != nil {
		return err
	}
	enforced := 0
	rows := [][]string{{"NODE", "INSTANCE", "ENFORCED", "POSITION"}}
	for _, edge := range v.edges {
		if v.state(edge) == stateEnforced {
			enforced++
		}
		rows = append(rows, []string{edge.GetNodeId(), shortInstance(edge.GetInstance()), v.sentence(edge, c.now()), strconv.FormatUint(edge.GetPosition(), 10)})
	}
	c.note("enforced on %d of %s", enforced, count(len(v.edges), "known edge", "known edges"))
	return c.printer.table(rows...)
}

// askEverywhere takes the head after the verdict and the reports after the head, so
// that an edge which has the head in force enforces the verdict. The position of the
// ban would not do: an allow entry may be gone since then of which an edge has not
// heard. An allow entry wins over all that an edge may still have.
func askEverywhere(ctx context.Context, c *call, ip string) (*fleetVerdict, error) {
	fleet := ringcastv1.NewFleetServiceClient(c.conn)
	verdict, err := invoke(ctx, c, ringcastv1.NewBanServiceClient(c.conn).CheckIP, &ringcastv1.CheckIPRequest{Ip: ip})
	if err != nil {
		return nil, err
	}
	status, err := invoke(ctx, c, fleet.GetStatus, &ringcastv1.GetStatusRequest{})
	if err != nil {
		return nil, err
	}
	v := &fleetVerdict{verdict: verdict, epoch: status.GetEpoch(), position: status.GetHead()}
	if verdict.GetAllow() != nil {
		v.position = verdict.GetAllow().GetPosition()
	}
	_, err = invoke(ctx, c, fleet.WaitApplied, &ringcastv1.WaitAppliedRequest{
		Position: v.position, Epoch: v.epoch, Quorum: quorumLive, AllowNoEdges: true,
		Timeout: durationpb.New(min(reportPatience, c.timeout/2)),
	})
	if err != nil {
		return nil, err
	}
	v.edges, err = allEdges(ctx, c, fleet)
	return v, err
}

// What an edge does about a verdict, as JSON has it.
const (
	stateEnforced    = "enforced"
	stateBehind      = "behind"
	stateUnreachable = "unreachable"
)

func (v *fleetVerdict) state(edge *ringcastv1.Edge) string {
	switch {
	case edge.GetLevel(), edge.GetEpoch() == v.epoch && edge.GetPosition() >= v.position:
		return stateEnforced
	case edge.GetLive():
		return stateBehind
	}
	return stateUnreachable
}

func (v *fleetVerdict) sentence(edge *ringcastv1.Edge, now time.Time) string {
	if v.state(edge) == stateEnforced {
		return "yes"
	}
	text := "unknown: " + edgeState(edge, now)
	if ban := v.verdict.GetBan(); v.verdict.GetBanned() && edge.GetEpoch() == v.epoch && edge.GetPosition() >= ban.GetPosition() {
		text += ", but it has the ban"
	}
	return text
}

// edgeVerdict is an edge in JSON.
type edgeVerdict struct {
	NodeID           string `json:"node_id"`
	Instance         string `json:"instance"`
	State            string `json:"state"`
	Epoch            string `json:"epoch"`
	Position         uint64 `json:"position,string"`
	UnreachableSince string `json:"unreachable_since,omitempty"`
}

func (v *fleetVerdict) printJSON(p printer) error {
	verdict, err := restJSON(v.verdict)
	if err != nil {
		return err
	}
	edges := make([]edgeVerdict, 0, len(v.edges))
	for _, e := range v.edges {
		edges = append(edges, edgeVerdict{
			e.GetNodeId(), e.GetInstance(), v.state(e), e.GetEpoch(), e.GetPosition(), restTime(e.GetUnreachableSince()),
		})
	}
	text, err := json.Marshal(struct {
		Verdict json.RawMessage `json:"verdict"`
		Edges   []edgeVerdict   `json:"edges"`
	}{verdict, edges})
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return p.json(text)
}

func restTime(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339Nano)
}
