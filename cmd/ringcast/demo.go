package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	controlserver "github.com/ringcast/ringcast/controlplane/server"
	edgeserver "github.com/ringcast/ringcast/edgeproxy/server"
	"github.com/ringcast/ringcast/internal/config"
	"github.com/ringcast/ringcast/internal/listen"
)

// Where the demo listens, as the README shows it.
const (
	demoOrigin  = "localhost:8080"
	demoControl = "http://localhost:4000"
)

// demoEdges are the demo's edges. Their caches differ, so that one request to
// each shows what a setting does.
var demoEdges = [...]struct {
	name, listen, admin string
	expose              bool
	entries             int
}{
	{"edge-a", "localhost:5001", "localhost:5901", true, 1000},
	{"edge-b", "localhost:5002", "localhost:5902", false, 1000},
	{"edge-c", "localhost:5003", "localhost:5903", false, 2}, // so few that it forgets while you watch
}

// demoConfig is all of the demo's settings.
type demoConfig struct {
	DataDir string `flag:"data-dir" value:"DIR" help:"keep the state here; a temporary directory, gone afterwards, if not given"`
	logging
}

func demoCommand(out, errOut io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "demo", Short: "Run a control plane, an origin and three edges on loopback", Args: usageArgs(cobra.NoArgs),
	}
	var cfg demoConfig
	runLogged(cmd, &cfg, &cfg.logging, errOut, func(ctx context.Context, log *slog.Logger) error {
		return runDemo(ctx, cfg.DataDir, log, out)
	})
	return cmd
}

func runDemo(ctx context.Context, dir string, log *slog.Logger, out io.Writer) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "ringcast-demo-"); err != nil {
			return fmt.Errorf("make data dir: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	processes, err := demoProcesses(dir, log)
	if err != nil {
		return err
	}
	return runAll(ctx, processes, func() error {
		_, err := fmt.Fprint(out, demoText)
		return err
	})
}

// demoProcesses are in the order in which they are opened.
func demoProcesses(dir string, log *slog.Logger) ([]process, error) {
	processes := []process{&origin{log: log.With("process", "origin")}}
	var control controlserver.Config
	if err := config.SetDefaults(&control); err != nil {
		return nil, err
	}
	control.DataDir = filepath.Join(dir, "control")
	c, err := controlserver.New(control, controlserver.Deps{Logger: log.With("process", "control"), Version: version})
	if err != nil {
		return nil, err
	}
	processes = append(processes, c)
	for _, e := range demoEdges {
		var edge edgeserver.Config
		if err := config.SetDefaults(&edge); err != nil {
			return nil, err
		}
		edge.Listen, edge.AdminListen, edge.NodeID = e.listen, e.admin, e.name
		edge.Origin, edge.Control = "http://"+demoOrigin, []string{demoControl}
		edge.DataDir = filepath.Join(dir, e.name)
		edge.ExposeCacheTags, edge.CacheMaxEntries = e.expose, e.entries
		s, err := edgeserver.New(edge, edgeserver.Deps{Logger: log.With("process", e.name), Version: version})
		if err != nil {
			return nil, err
		}
		processes = append(processes, s)
	}
	return processes, nil
}

// runAll opens all processes, says so, and runs them until ctx is done or one
// fails.
func runAll(ctx context.Context, processes []process, opened func() error) (err error) {
	for _, p := range processes {
		defer func() { err = errors.Join(err, p.Close()) }()
		if err := p.Open(ctx); err != nil {
			return err
		}
	}
	if err := opened(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range processes {
		group.Go(func() error { return p.Run(ctx) })
	}
	return group.Wait()
}

// origin is the demo's application: each page says when it was made, so that a
// cached one can be told from a new one.
type origin struct {
	log      *slog.Logger
	listener net.Listener
	server   *http.Server
}

// Open implements process.
func (o *origin) Open(ctx context.Context) (err error) {
	o.server = &http.Server{Handler: originHandler(o.log), ReadHeaderTimeout: 10 * time.Second}
	if o.listener, err = listen.Listen(ctx, demoOrigin); err != nil {
		return fmt.Errorf("demo origin: %w", err)
	}
	return nil
}

// Run implements process.
func (o *origin) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = o.server.Close() }) // its answers take no time
	defer stop()
	if err := o.server.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("demo origin: %w", err)
	}
	return nil
}

// Close implements process.
func (o *origin) Close() error {
	return listen.Close(o.listener)
}

func originHandler(log *slog.Logger) http.Handler {
	page := func(cacheControl, tags string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			log.Info("origin is asked", "path", r.URL.Path)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", cacheControl)
			if tags != "" {
				w.Header().Set("Cache-Tag", tags)
			}
			fmt.Fprintf(w, "%s, made at %s\n", r.URL.Path, time.Now().Format("15:04:05.000"))
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /posts/{id}", func(w http.ResponseWriter, r *http.Request) {
		page("max-age=300", "posts, post:"+r.PathValue("id"))(w, r)
	})
	mux.HandleFunc("GET /news", page("max-age=5, stale-while-revalidate=60", "news"))
	mux.HandleFunc("GET /me", page("private", ""))
	mux.HandleFunc("/", page("max-age=60", "home"))
	return mux
}

const demoText = `
Ringcast demo. Ctrl-C ends it.

  control plane  http://localhost:4000  (gRPC localhost:4001)
  edges          http://localhost:5001  :5002  :5003   (status: :5901  :5902  :5903 /status)
  origin         http://localhost:8080  (edges only)

Try, in another terminal:

  # A page comes from the origin once, then from the cache of each edge. Look at Cache-Status.
  # edge-a (:5001) also shows the page's tags, Cache-Tag, which the others take out.
  curl -i http://localhost:5001/posts/1
  curl -i http://localhost:5001/posts/1
  curl -i http://localhost:5002/posts/1

  # /news is fresh for 5 s, and may be served stale for 60 s more while a new one is fetched.
  # /me is private: no edge stores it.
  curl -i http://localhost:5001/news
  curl -i http://localhost:5001/me

  # edge-c (:5003) stores only 2 pages: asked for three in turn, it forgets.
  for n in 1 2 3 1 2 3; do curl -si http://localhost:5003/posts/$n | grep Cache-Status; done

  # Invalidate a tag: every edge asks the origin again.
  curl -X POST localhost:4000/invalidate -d '{"tags":["post:1"]}'
  curl -i http://localhost:5001/posts/1

  # Ban an address: every edge refuses it, until it is lifted.
  curl -X POST localhost:4000/ban/ip -d '{"ip":"::1","reason":"demo"}'
  curl -i "http://[::1]:5001/"
  curl -X POST localhost:4000/unban/ip -d '{"ip":"::1"}'

  # Watch what the edges hear, and use the command line.
  curl -N 'localhost:4000/events?last_event_id=latest'
  ./bin/ringcast ban 203.0.113.0/24 --reason abuse --ttl 10m
  ./bin/ringcast bans
  ./bin/ringcast status

`
