package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Flags about waiting. They have no variable: see requestIDFlag.
const (
	flagWait         = "wait"
	flagAllowNoEdges = "allow-no-edges"
)

// maxWait is the longest that the control plane waits.
const maxWait = time.Hour

// waitFlags say whom a mutation waits for.
type waitFlags struct {
	quorum       quorum
	allowNoEdges bool
}

// addWaitFlags adds the flags to a command whose arguments and other flags are
// settled.
func addWaitFlags(cmd *cobra.Command) *waitFlags {
	f := new(waitFlags)
	flags := cmd.Flags()
	flags.Var(&f.quorum, flagWait, "wait until it is in force on these edges: all that are known, live (those that can be reached), a number, or a part\n"+
		"such as 90%; for --timeout at the most, then the exit code is 3 (`QUORUM` is all where none is given)")
	flags.Lookup(flagWait).NoOptDefVal = quorumAll
	flags.BoolVar(&f.allowNoEdges, flagAllowNoEdges, false, "with --wait: take it for success that there is no edge to wait for")
	cmd.Args = cobra.MatchAll(usageArgs(f.args), cmd.Args)
	complete := cobra.FixedCompletions([]string{quorumAll, quorumLive}, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flagWait, complete); err != nil {
		panic(fmt.Sprintf("ringcast %s: %v", cmd.Name(), err))
	}
	return f
}

// args refuses a quorum that is taken for an argument: the flag's value is optional,
// and so has to follow an equals sign.
func (f *waitFlags) args(_ *cobra.Command, args []string) error {
	if f.allowNoEdges && f.quorum == "" {
		return errors.New("--allow-no-edges goes with --wait")
	}
	for _, arg := range args {
		if f.quorum == quorumAll && quorumForm.MatchString(arg) {
			return fmt.Errorf("write --wait=%s, with an equals sign", arg)
		}
	}
	return nil
}

func (f *waitFlags) check(cfg verbSettings) error {
	if f.quorum != "" && cfg.Timeout > maxWait {
		return usageErrorf("--timeout is %s; with --wait it is up to 1h", cfg.Timeout)
	}
	return nil
}

// quorum is whom to wait for: all, live, a number or a percentage; empty: nobody.
type quorum string

// Quorums that are words.
const (
	quorumAll  = "all"
	quorumLive = "live"
)

var quorumForm = regexp.MustCompile(`^(all|live|[1-9][0-9]{0,8}|([1-9][0-9]?|100)%)$`)

// String implements pflag.Value.
func (q *quorum) String() string { return string(*q) }

// Type implements pflag.Value.
func (q *quorum) Type() string { return "quorum" }

// Set implements pflag.Value.
func (q *quorum) Set(text string) error {
	if !quorumForm.MatchString(text) {
		return errors.New("want all, live, a number of edges such as 3, or a part of them such as 90%")
	}
	*q = quorum(text)
	return nil
}

// counts tells whether the quorum is a number or a part.
func (q quorum) counts() bool { return q != quorumAll && q != quorumLive }

// of gives how many of the known edges it takes.
func (q quorum) of(known int) int {
	if !q.counts() {
		return known
	}
	number, part := strings.CutSuffix(string(q), "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return known // no quorum that Set takes
	case part:
		return (known*n + 99) / 100
	}
	return n
}
