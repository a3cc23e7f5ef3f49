package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Exit codes.
const (
	exitDone  = 0
	exitError = 1
	exitUsage = 2
	// exitUnconfirmed: a mutation was accepted, and is durable, but those that --wait
	// asks for did not confirm it in time.
	exitUnconfirmed = 3
	exitNotAllowed  = 4
	exitUnreachable = 5
)

// exitCode gives the exit code for what a command returned.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if coded, ok := errors.AsType[*exitCodeError](err); ok {
		return coded.code
	}
	return exitError
}

// usageError is a mistake in the command line, its variables or its file.
type usageError struct{ err error }

// Error implements error.
func (e usageError) Error() string { return e.err.Error() }

// Unwrap gives the mistake.
func (e usageError) Unwrap() error { return e.err }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// usageArgs makes what an argument check finds a usage error that says where to
// look. The check runs before anything is read or sent, and may look at flags.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageErrorf("%w; see %s --help", err, cmd.CommandPath())
		}
		return nil
	}
}

// exitCodeError is an error with an exit code of its own.
type exitCodeError struct {
	code int
	err  error
}

// Error implements error.
func (e *exitCodeError) Error() string { return e.err.Error() }

// Unwrap gives the error itself.
func (e *exitCodeError) Unwrap() error { return e.err }

func unreachablef(format string, args ...any) error {
	return &exitCodeError{exitUnreachable, fmt.Errorf(format, args...)}
}

// refusedError is an answer of the server that concerns one request alone: the
// next one may do better.
type refusedError struct{ sentence, reason string }

// Error implements error. The text is safe to print.
func (e *refusedError) Error() string {
	if e.reason == "" {
		return clean(e.sentence)
	}
	return fmt.Sprintf("%s (%s)", clean(e.sentence), clean(e.reason))
}

// What to do about a mutation whose answer did not come.
const (
	inDoubt = "; a change may have been made: look before you repeat it"
	named   = "; a change may have been made: repeat it with the same --request-id"
)

// adviceOn gives what to do about a request whose answer did not come, by what the
// answer would have been; empty: it may be repeated without a look.
func adviceOn(request, answer any) string {
	if _, mutates := answer.(receipt); !mutates {
		return ""
	}
	if r, ok := request.(interface{ GetRequestId() string }); ok && r.GetRequestId() != "" {
		return named
	}
	return inDoubt
}

// explainSafe is explainLoss for what may be repeated without a look.
func explainSafe(server string, err error) error { return explainLoss(server, err, "") }

// explainLoss turns the error of an RPC on a connection that was up into one that a
// person can act on. The advice is for where it is not known what came of the RPC.
func explainLoss(server string, err error, advice string) error {
	answer := status.Convert(err)
	refused := &refusedError{sentence: answer.Message(), reason: reasonOf(answer)}
	switch answer.Code() {
	case codes.PermissionDenied, codes.Unauthenticated:
		return &exitCodeError{exitNotAllowed, refused}
	}
	if refused.reason != "" {
		return refused
	}
	switch answer.Code() {
	case codes.Unavailable:
		return unreachablef("lost the connection to %s before its answer came%s", server, advice)
	case codes.DeadlineExceeded:
		return fmt.Errorf("%s did not answer within --timeout%s", server, advice)
	case codes.Canceled:
		return errors.New("interrupted" + advice)
	case codes.Unimplemented:
		return fmt.Errorf("%s does not know this request; its version may be older than this program's", server)
	}
	return refused
}

func reasonOf(answer *status.Status) string {
	for _, detail := range answer.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
