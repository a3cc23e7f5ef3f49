package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func edgesCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edges [NODE]",
		Short: "List the edges and what they have in force, or describe one",
		Long: "List the edges that the control plane knows and what they have in force, by their own word; with NODE describe\n" +
			"that one. An edge is known from its first stream on until it stops cleanly or is forgotten. State is level: it has\n" +
			"everything; behind: it can be reached, and has not got what is that old; or unreachable.",
		Example: "  ringcast edges\n  ringcast edges edge-fra-3\n  ringcast edges -o jsonl | jq -r 'select(.level | not) | .node_id'",
	}
	limit := limitFlag(cmd)
	instance := cmd.Flags().String("instance", "", "with NODE: the one with this data dir, where several have that name; the one last heard of if not given")
	cmd.Args = usageArgs(func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 1:
			return errors.New("give one name, or none to list all")
		case len(args) == 0 && *instance != "":
			return errors.New("--instance goes with a name")
		case len(args) == 1 && cmd.Flags().Changed("limit"):
			return errors.New("--limit is for the list; leave it out with a name")
		case *limit < 0:
			return fmt.Errorf("--limit is %d; it cannot be negative", *limit)
		}
		return nil
	})
	return a.verb(cmd, func(ctx context.Context, c *call, args []string) error {
		fleet := ringcastv1.NewFleetServiceClient(c.conn)
		if len(args) == 1 {
			return describeEdge(ctx, c, fleet, args[0], *instance)
		}
		edges, forgotten := edgeListing(c, fleet)
		err := edges.print(ctx, c, *limit)
		c.noteForgotten(*forgotten)
		return err
	})
}

// edgeListing lists the edges; forgotten is set with the first page.
func edgeListing(c *call, fleet ringcastv1.FleetServiceClient) (edges listing[*ringcastv1.Edge], forgotten *[]*ringcastv1.ForgottenEdge) {
	forgotten = new([]*ringcastv1.ForgottenEdge)
	return listing[*ringcastv1.Edge]{
		plural: "edges",
		header: []string{"NODE", "INSTANCE", "STATE", "POSITION", "CONNECTED", "LAST HEARD", "VERSION", "STALENESS"},
		row: func(p printer, e *ringcastv1.Edge) []string {
			return []string{
				e.GetNodeId(), shortInstance(e.GetInstance()), edgeState(e, p.now()), strconv.FormatUint(e.GetPosition(), 10),
				since(e.GetConnectTime()), p.ago(e.GetLastHeard()), e.GetVersion(), staleness(e),
			}
		},
		fetch: func(ctx context.Context, size int32, token string) (page[*ringcastv1.Edge], error) {
			r, err := invoke(ctx, c, fleet.ListEdges, &ringcastv1.ListEdgesRequest{PageSize: size, PageToken: token})
			if token == "" {
				*forgotten = r.GetForgotten()
			}
			return page[*ringcastv1.Edge]{r.GetEdges(), r.GetNextPageToken()}, err
		},
		answer: func(p page[*ringcastv1.Edge]) proto.Message {
			return &ringcastv1.ListEdgesResponse{Edges: p.entries, NextPageToken: p.next, Forgotten: *forgotten}
		},
	}, forgotten
}

// allEdges gives every known edge.
func allEdges(ctx context.Context, c *call, fleet ringcastv1.FleetServiceClient) (all []*ringcastv1.Edge, err error) {
	edges, _ := edgeListing(c, fleet)
	err = edges.pages(ctx, 0, func(p page[*ringcastv1.Edge]) error {
		all = append(all, p.entries...)
		return nil
	})
	return all, err
}

func edgeState(e *ringcastv1.Edge, now time.Time) string {
	switch {
	case !e.GetLive() && e.GetUnreachableSince() == nil:
		return "unreachable"
	case !e.GetLive():
		return "unreachable " + short(now.Sub(e.GetUnreachableSince().AsTime()))
	case e.GetShared():
		return "shared"
	case e.GetLevel():
		return "level"
	case e.GetEpoch() == "":
		return "nothing yet"
	case e.GetBehind().AsDuration() > 0:
		return "behind " + short(e.GetBehind().AsDuration())
	}
	return "behind" // of another log, and so nobody knows by how much
}

func staleness(e *ringcastv1.Edge) string {
	if e.GetStaleness() == nil {
		return ""
	}
	return short(e.GetStaleness().AsDuration())
}

func describeEdge(ctx context.Context, c *call, fleet ringcastv1.FleetServiceClient, node, instance string) error {
	edge, err := invoke(ctx, c, fleet.GetEdge, &ringcastv1.GetEdgeRequest{NodeId: node, Instance: instance})
	if err != nil {
		return err
	}
	if c.printer.format != formatTable {
		return c.printer.message(edge)
	}
	return c.printer.table(edgeRows(c.printer, edge)...)
}

func edgeRows(p printer, e *ringcastv1.Edge) [][]string {
	counts := e.GetCounts()
	return [][]string{
		{"node", e.GetNodeId()},
		{"instance", e.GetInstance()},
		{"other instances", strings.Join(e.GetOtherInstances(), ", ")},
		{"state", edgeState(e, p.now())},
		{"epoch", e.GetEpoch()},
		{"position", fmt.Sprint(e.GetPosition())},
		{"connected since", since(e.GetConnectTime())},
		{"unreachable since", since(e.GetUnreachableSince())},
		{"last heard", p.ago(e.GetLastHeard())},
		{"address", e.GetAddress()},
		{"version", e.GetVersion()},
		{"started", since(e.GetStartTime())},
		{"staleness", staleness(e)},
		{"bans", fmt.Sprint(counts.GetBans())},
		{"allow entries", fmt.Sprint(counts.GetAllows())},
		{"revocations", fmt.Sprint(counts.GetRevocations())},
		{"stored responses", fmt.Sprint(counts.GetCacheEntries())},
	}
}
