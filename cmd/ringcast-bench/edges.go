package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/ringcast/ringcast/edgeproxy/follow"
	"github.com/ringcast/ringcast/edgeproxy/report"
)

// edges is the process of the simulated edges, a child of the fleet benchmark. Each has
// the stream and the reports of a real edge, and nothing behind them: an event is in
// force as soon as it is read.
type edges struct {
	control string
	count   int

	out io.Writer

	mu sync.Mutex // guards what follows
	// level is how many edges have been level once.
	level int
	// readers is by how many a position was read, until all have.
	readers map[uint64]int
}

// heard is a line that the process writes for its parent.
type heard struct {
	// Level says that all edges are level.
	Level bool `json:"level,omitempty"`
	// Position was read by all edges, by the last of them at Read, in Unix nanoseconds.
	Position uint64 `json:"position,omitempty"`
	Read     int64  `json:"read,omitempty"`
}

func edgesCommand(s *session) *cobra.Command {
	e := &edges{out: s.out, readers: map[uint64]int{}}
	cmd := &cobra.Command{
		Use: "edges", Short: "The simulated edges of fleet, a process of their own", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&e.control, "control", "", "the control plane's URL")
	cmd.Flags().IntVar(&e.count, "edges", 1, "how many")
	return cmd
}

// run ends with ctx. The edges do not leave the fleet: the parent ends its control plane.
func (e *edges) run(ctx context.Context) error {
	control, err := url.Parse(e.control)
	if err != nil {
		return fmt.Errorf("URL of the control plane: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range e.count {
		e.start(ctx, group, control, fmt.Sprintf("simulated-%d", i))
	}
	return group.Wait()
}

func (e *edges) start(ctx context.Context, group *errgroup.Group, control *url.URL, name string) {
	state := &edgeState{edges: e, name: name, server: control.Redacted()}
	logger := slog.New(slog.DiscardHandler)
	servers := []*url.URL{control}
	reporter := report.New(report.Config{
		Servers: servers, Node: name, Instance: state.Instance(), Version: "bench", Start: time.Now(), Logger: logger,
	}, state)
	follower := follow.New(follow.Config{Servers: servers, Node: name, Logger: logger, Reporter: reporter}, state)
	group.Go(func() error { return follower.Run(ctx) })
	group.Go(func() error { return reporter.Run(ctx) })
}

// levelled counts an edge that has the log's state for the first time.
func (e *edges) levelled() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.level++; e.level == e.count {
		return e.tell(heard{Level: true})
	}
	return nil
}

// read counts an edge that has read the positions after one, up to another.
func (e *edges) read(after, upTo uint64) error {
	at := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for position := after + 1; position <= upTo; position++ {
		if e.readers[position]++; e.readers[position] < e.count {
			continue
		}
		delete(e.readers, position)
		if err := e.tell(heard{Position: position, Read: at.UnixNano()}); err != nil {
			return err
		}
	}
	return nil
}

// tell is called with mu held.
func (e *edges) tell(h heard) error {
	line, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode line: %w", err)
	}
	if _, err := e.out.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("tell parent: %w", err)
	}
	return nil
}
