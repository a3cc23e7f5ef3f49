package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/spf13/cobra"
)

// mutation completes a command that makes mutations: a verb with --wait. run tells
// the call of each that was accepted.
func (a *admin) mutation(cmd *cobra.Command, run verbRun) *cobra.Command {
	flags := addWaitFlags(cmd)
	return a.checkedVerb(cmd, flags.check, func(ctx context.Context, c *call, args []string) error {
		c.waitFor = *flags
		return c.confirm(ctx, run(ctx, c, args))
	})
}

// partlyError tells that some of several mutations were refused: the others were
// made.
type partlyError struct{ sentence string }

// Error implements error.
func (e partlyError) Error() string { return e.sentence }

// mutations is what one command line made.
type mutations struct {
	waitFor waitFlags
	several bool // the command line asks for more than one
	// position is the highest that was accepted, 0 before the first; epoch is its log.
	position uint64
	epoch    string
	// receipt prints what waits for the outcome, which may take its place.
	receipt func() error
}

// accepted notes a mutation to wait for.
func (m *mutations) accepted(r receipt) {
	if r.GetEpoch() != m.epoch {
		m.position, m.epoch = 0, r.GetEpoch()
	}
	m.position = max(m.position, r.GetPosition())
}

// mutated tells of a mutation that was accepted, at once unless one JSON object is
// to tell its outcome, too.
func (c *call) mutated(done, ip string, r receipt) error {
	c.accepted(r)
	if c.waitFor.quorum != "" && !c.several && c.printer.format == formatJSON {
		c.receipt = func() error { return c.printer.mutation(done, ip, r) }
		return nil
	}
	return c.printer.mutation(done, ip, r)
}

// confirm waits for what was accepted, where --wait asks for it. err is that of the
// mutations: a refusal of some counts for more than what became of the others.
func (c *call) confirm(ctx context.Context, err error) error {
	_, partly := errors.AsType[partlyError](err)
	if c.waitFor.quorum == "" || c.position == 0 || err != nil && !partly {
		return err
	}
	unconfirmed := newWaiter(c).run(ctx)
	if err != nil && unconfirmed != nil {
		c.note("%v", unconfirmed)
	}
	return cmp.Or(err, unconfirmed)
}
