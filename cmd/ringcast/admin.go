package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

// adminCommands gives the operator's verbs. Data goes to out, remarks to errOut;
// what a command returns is left for the caller to print, and exitCode knows its
// code.
func adminCommands(out, errOut io.Writer) []*cobra.Command {
	a := &admin{out: out, errOut: errOut, terminal: isTerminal(errOut), now: time.Now}
	commands := []*cobra.Command{
		banCommand(a), unbanCommand(a), bansCommand(a),
		allowCommand(a), unallowCommand(a), allowsCommand(a), checkCommand(a),
		revokeCommand(a), restoreCommand(a), revocationsCommand(a),
		invalidateCommand(a), preloadCommand(a), publishCommand(a), applyCommand(a), auditCommand(a),
		edgesCommand(a), forgetCommand(a), statusCommand(a), tailCommand(a), healthcheckCommand(a),
	}
	for _, cmd := range commands {
		complete(cmd)
	}
	return commands
}

// complete adds what every verb has: its errors and its shell completion.
func complete(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageErrorf("%w; see %s --help", err, cmd.CommandPath())
	})
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	if cmd.Flags().Lookup("output") == nil {
		return
	}
	if err := cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(fmt.Sprintf("ringcast %s: %v", cmd.Name(), err))
	}
}

// admin is where the verbs write, and their clock.
type admin struct {
	out, errOut io.Writer
	terminal    bool // errOut is one
	now         func() time.Time
}

// note writes a remark beside the data.
func (a *admin) note(format string, args ...any) {
	// Nobody is left to be told where this cannot be written.
	_, _ = fmt.Fprintf(a.errOut, "ringcast: %s\n", clean(fmt.Sprintf(format, args...)))
}

// verbSettings are the settings of every verb that calls the control plane.
type verbSettings struct {
	remote
	output
}

// call is one run of a verb on a connection that is up.
type call struct {
	*admin
	printer printer
	conn    *grpc.ClientConn
	server  string
	timeout time.Duration
	mutations
}

// verbRun is what a verb does on a connection.
type verbRun func(ctx context.Context, c *call, args []string) error

// verb completes a command that calls the control plane: its shared flags, and
// run on a connection.
func (a *admin) verb(cmd *cobra.Command, run verbRun) *cobra.Command {
	return a.checkedVerb(cmd, func(verbSettings) error { return nil }, run)
}

// checkedVerb is verb with a check of the settings before anything is sent.
func (a *admin) checkedVerb(cmd *cobra.Command, check func(verbSettings) error, run verbRun) *cobra.Command {
	var cfg verbSettings
	load := bind(cmd, &cfg)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := load(); err != nil {
			return err
		}
		if err := check(cfg); err != nil {
			return err
		}
		p, err := cfg.printer(a.out, a.now)
		if err != nil {
			return err
		}
		conn, err := cfg.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }() // every answer is here
		return run(cmd.Context(), &call{admin: a, printer: p, conn: conn, server: cfg.Server, timeout: cfg.Timeout}, args)
	}
	return cmd
}

// invoke calls a method of a generated client, within the time that one request
// may take.
func invoke[Request, Response any](
	ctx context.Context, c *call,
	method func(context.Context, *Request, ...grpc.CallOption) (*Response, error), request *Request,
) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := method(ctx, request)
	if err != nil {
		return nil, explainLoss(c.server, err, adviceOn(request, response))
	}
	return response, nil
}

// requestIDFlag adds --request-id. Like other flags about one mutation it has no
// variable: one left in the environment would go into every mutation.
func requestIDFlag(flags *pflag.FlagSet) *string {
	return flags.String("request-id", "", "make a repeat within 24 hours give the first answer and change nothing")
}

// optional gives the value of a duration flag, nil where it was not given.
func optional(flags *pflag.FlagSet, name string, value time.Duration) *durationpb.Duration {
	if !flags.Changed(name) {
		return nil
	}
	return durationpb.New(value)
}

// What the control plane takes for a ttl.
const (
	minTTL = time.Second
	maxTTL = 100 * 8766 * time.Hour
)

// ttlArgs checks that --ttl, where it is given, is one that the control plane
// takes: its own answer speaks of JSON.
func ttlArgs(ttl *time.Duration) cobra.PositionalArgs {
	return usageArgs(func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("ttl") && (*ttl < minTTL || *ttl > maxTTL) {
			return fmt.Errorf("--ttl is %s; it is from 1s to 876600h (a hundred years), or left out for no end", *ttl)
		}
		return nil
	})
}
