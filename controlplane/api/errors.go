package api

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"

	"buf.build/go/protovalidate"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// errorDomain is the domain of every google.rpc.ErrorInfo.
const errorDomain = "ringcast"

// Reasons that the domain does not know.
const (
	reasonInternal = "INTERNAL"
	reasonCanceled = "CANCELED"
	reasonDeadline = "DEADLINE_EXCEEDED"
)

// mapErrors is the interceptor, and the only place, where errors become gRPC
// statuses. What the caller cannot act on is logged and not told.
type mapErrors struct{ log *slog.Logger }

func (m mapErrors) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	resp, err := handle(ctx, req)
	if err != nil {
		return nil, m.refuse(ctx, info.FullMethod, err)
	}
	return resp, nil
}

// stream leaves errors as they are that have a status already: those of the
// transport, and of health and reflection, which are not ours.
func (m mapErrors) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	err := handle(srv, stream)
	if _, ok := status.FromError(err); ok {
		return err
	}
	return m.refuse(stream.Context(), info.FullMethod, err)
}

func (m mapErrors) refuse(ctx context.Context, method string, err error) error {
	refusal := statusOf(ctx, err)
	if told := refusal.Message(); told == sentenceInternal || told == sentenceLog {
		m.log.ErrorContext(ctx, "call failed", "method", method, "error", err)
	}
	return refusal.Err()
}

// Sentences for errors whose details are the operator's alone.
const (
	sentenceInternal = "the control plane has an error of its own; its log says more"
	sentenceLog      = "the log cannot be used at the moment; try again, with the same request_id if there was one"
)

func statusOf(ctx context.Context, err error) *status.Status {
	if refusal, ok := refusalIn(err); ok {
		return newStatus(codeOf(refusal.Kind), refusal.Reason, refusal.Message)
	}
	switch {
	case errors.Is(err, eventlog.ErrRequestReused):
		return newStatus(codes.AlreadyExists, controlplane.ReasonRequestIDReused, "the request_id was used before, for another request; choose a new one")
	case errors.Is(err, eventlog.ErrClosed):
		return newStatus(codes.Unavailable, controlplane.ReasonLogUnavailable, "the control plane is shutting down; try again")
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded):
		return newStatus(codes.DeadlineExceeded, reasonDeadline, "the deadline passed; a mutation may have been made: repeat it with the same request_id")
	case errors.Is(err, context.Canceled) || ctx.Err() != nil:
		return newStatus(codes.Canceled, reasonCanceled, "the call was cancelled; a mutation may have been made: repeat it with the same request_id")
	case isOwn(err):
		return newStatus(codes.Internal, reasonInternal, sentenceInternal)
	default:
		// All that is left is from the log, whose other errors mean just that.
		return newStatus(codes.Unavailable, controlplane.ReasonLogUnavailable, sentenceLog)
	}
}

// refusalIn finds what a caller can act on in an error: the domain's refusals, and
// violations of the rules in the protos.
func refusalIn(err error) (*controlplane.Error, bool) {
	if refusal, ok := errors.AsType[*controlplane.Error](err); ok {
		return refusal, true
	}
	if invalid, ok := errors.AsType[*protovalidate.ValidationError](err); ok && len(invalid.Violations) > 0 {
		reason, sentence := explain(invalid.Violations[0])
		return &controlplane.Error{Kind: controlplane.Invalid, Reason: reason, Message: sentence}, true
	}
	return nil, false
}

// isOwn tells errors that a repeat will not mend.
func isOwn(err error) bool {
	if _, ok := errors.AsType[*recovery.PanicError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*protovalidate.CompilationError](err); ok {
		return true
	}
	_, ok := errors.AsType[*protovalidate.RuntimeError](err)
	return ok || errors.Is(err, wire.ErrUndecodable)
}

func codeOf(kind controlplane.Kind) codes.Code {
	switch kind {
	case controlplane.Invalid:
		return codes.InvalidArgument
	case controlplane.Conflict:
		return codes.AlreadyExists
	case controlplane.Precondition:
		return codes.FailedPrecondition
	case controlplane.Unavailable:
		return codes.Unavailable
	case controlplane.NotFound:
		return codes.NotFound
	default:
		return codes.Internal
	}
}

func newStatus(code codes.Code, reason, sentence string) *status.Status {
	plain := status.New(code, sentence)
	detailed, err := plain.WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: errorDomain})
	if err != nil {
		return plain
	}
	return detailed
}

// ownRule is what the ids of the rules look like that the protos spell out: they
// are reasons, and their messages sentences.
var ownRule = regexp.MustCompile(`^[A-Z][A-Z_]*$`)

// explain turns a violation into a reason and a sentence. A sentence never has
// the value in it, which may be a secret.
func explain(v *protovalidate.Violation) (reason, sentence string) {
	if id := v.Proto.GetRuleId(); ownRule.MatchString(id) {
		return id, v.Proto.GetMessage()
	}
	field := protovalidate.FieldPathString(v.Proto.GetField())
	name, _, _ := strings.Cut(field, "[")
	return fieldReason(name), field + ": " + v.Proto.GetMessage()
}

// fieldReason names the reason for a field that breaks a standard rule.
func fieldReason(field string) string {
	switch field {
	case "tags":
		return controlplane.ReasonInvalidTag
	case "keys":
		return controlplane.ReasonInvalidKey
	case "routes":
		return controlplane.ReasonInvalidRoute
	default:
		return "INVALID_" + strings.ToUpper(field)
	}
}
