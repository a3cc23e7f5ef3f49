package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// appendGain is how much many callers together must gain over one fsync a call.
const appendGain = 5

// appends compares group commit with one commit a call.
type appends struct {
	rounds, callers int
	time            time.Duration
	calls           int64

	log  *sqlite.Log
	raw  *sqlitedb.DB
	last atomic.Int64 // of the addresses used
}

func appendCommand(s *session) *cobra.Command {
	a := new(appends)
	cmd := s.command("append", "Log.Append from many callers, against one fsync a call", a.run)
	cmd.Flags().IntVar(&a.rounds, "rounds", 5, "rounds of each side")
	cmd.Flags().IntVar(&a.callers, "callers", 64, "callers at once")
	cmd.Flags().DurationVar(&a.time, "time", 2*time.Second, "length of a round")
	cmd.Flags().Int64Var(&a.calls, "calls", 100_000, "most calls in a round")
	return cmd
}

func (a *appends) run(ctx context.Context, b *bench) (err error) {
	if a.log, err = sqlite.Open(ctx, sqlite.Config{Dir: b.dir}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.log.Close()) }()
	if a.raw, err = openRaw(ctx, b.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.raw.Close()) }()
	outcomes, err := interleave(ctx, b, a.rounds,
		side[pace]{fmt.Sprintf("Log.Append, %d callers", a.callers), a.side(a.callers, a.append)},
		side[pace]{"Log.Append, 1 caller", a.side(1, a.append)},
		side[pace]{"bare SQLite, one INSERT a commit", a.side(1, a.insert)},
	)
	if err != nil {
		return err
	}
	return b.publish(a.table(outcomes))
}

func (a *appends) side(callers int, call func(context.Context, int64) error) func(context.Context) (pace, error) {
	l := load{callers: callers, time: a.time, calls: a.calls}
	return func(ctx context.Context) (pace, error) { return l.run(ctx, call) }
}

// append asks for a ban with everything that goes with it: entity, audit, head.
func (a *appends) append(ctx context.Context, _ int64) error {
	ban := controlplane.Ban{IP: prefixOf(address(int(a.last.Add(1)))), Reason: "seen by the honeypot"}
	_, err := a.log.Append(ctx, ban.Decide, eventlog.Request{Principal: "bench", RPC: "bench"})
	return err
}

// insert writes the event's text alone.
func (a *appends) insert(ctx context.Context, _ int64) error {
	data := fmt.Sprintf(`{"ip":"%s","reason":"seen by the honeypot","automatic":false,"timestamp":1763719200}`, address(int(a.last.Add(1))))
	_, err := a.raw.Write.ExecContext(ctx, `INSERT INTO events (data) VALUES (?)`, data)
	return err
}

func openRaw(ctx context.Context, dir string) (*sqlitedb.DB, error) {
	return sqlitedb.Open(ctx, filepath.Join(dir, "raw.db"), sqlitedb.Options{
		Migrations: []string{`CREATE TABLE events (position INTEGER PRIMARY KEY, data TEXT NOT NULL) STRICT`},
	})
}

func (a *appends) table(outcomes []outcome[pace]) *table {
	t := newTable("side", "calls/s", "p50", "p99", "many callers, against it", "target")
	perSecond := func(p pace) float64 { return p.perSecond }
	many := each(outcomes[0].rounds, perSecond)
	for i, o := range outcomes {
		row := []string{
			o.name, spread(each(o.rounds, perSecond), count),
			spread(each(o.rounds, func(p pace) time.Duration { return p.p50 }), duration),
			spread(each(o.rounds, func(p pace) time.Duration { return p.p99 }), duration),
		}
		if i > 0 {
			gains := ratios(many, each(o.rounds, perSecond))
			row = append(row, spread(gains, times), target(fmt.Sprintf("≥ %d×", appendGain), median(gains) >= appendGain))
		}
		t.add(row...)
	}
	return t
}
