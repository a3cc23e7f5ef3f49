package api

import (
	"context"
	"net/http"
	"regexp"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Reasons of refusals that are the transport's.
const (
	reasonMalformed   = "MALFORMED_REQUEST"
	reasonTooLarge    = "REQUEST_TOO_LARGE"
	reasonNotFound    = "NOT_FOUND"
	reasonMethod      = "METHOD_NOT_ALLOWED"
	reasonUnavailable = "UNAVAILABLE"
)

// sentenceUnavailable tells a REST caller that the server ends.
const sentenceUnavailable = "the control plane is shutting down; try again"

// sentenceTooLarge tells of MaxMessageBytes.
const sentenceTooLarge = "the request is larger than 1 MiB: send several"

// Refuse answers as REST does, for handlers that stand beside it: with a
// google.rpc.Status in JSON that has an ErrorInfo. httpStatus is the answer's, of
// 400 and above, and gives the gRPC code; reason is for programs, sentence for a
// person.
func Refuse(w http.ResponseWriter, httpStatus int, reason, sentence string) {
	refuse(httpStatus, reason, sentence).write(w)
}

// refusal is an error as REST answers it: a google.rpc.Status in JSON.
type refusal struct {
	http   int
	status *status.Status
}

func refuse(httpStatus int, reason, sentence string) *refusal {
	return &refusal{http: httpStatus, status: newStatus(codeOfHTTP(httpStatus), reason, sentence)}
}

func codeOfHTTP(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return codes.InvalidArgument
	case http.StatusForbidden, http.StatusMisdirectedRequest:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusMethodNotAllowed:
		return codes.Unimplemented
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	default:
		return codes.Internal
	}
}

func (f *refusal) write(w http.ResponseWriter) {
	body, err := jsonCodec{}.Marshal(f.status.Proto())
	if err != nil {
		http.Error(w, f.status.Message(), f.http)
		return
	}
	setGuards(w.Header())
	w.Header().Set("Content-Type", jsonCodec{}.ContentType(nil))
	w.WriteHeader(f.http)
	_, _ = w.Write(body) // the client may have gone
}

// setGuards keeps answers out of caches, and browsers from guessing what they are.
func setGuards(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// handleError answers with an error of a call, or of the gateway before it.
func handleError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	answer := status.Convert(err)
	if !hasReason(answer) {
		answer = giveReason(ctx, answer)
	}
	(&refusal{http: runtime.HTTPStatusFromCode(answer.Code()), status: answer}).write(w)
}

// handleRoutingError answers requests that no route takes.
func (g *gateway) handleRoutingError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, httpStatus int) {
	if _, probe := r.Context().Value(probeKey{}).(*bool); probe {
		return
	}
	switch httpStatus {
	case http.StatusMethodNotAllowed:
		methods := g.allowed(r)
		w.Header().Set("Allow", methods)
		refuse(httpStatus, reasonMethod, "this path takes only "+methods).write(w)
	case http.StatusNotFound:
		refuse(httpStatus, reasonNotFound, "there is no such path; "+openAPIPath+" lists them").write(w)
	default:
		refuse(http.StatusBadRequest, reasonMalformed, "the path does not begin with /").write(w)
	}
}

func hasReason(s *status.Status) bool {
	for _, detail := range s.Details() {
		if _, ok := detail.(*errdetails.ErrorInfo); ok {
			return true
		}
	}
	return false
}

// giveReason completes an error that did not come from mapErrors: of the
// gateway, which could not read the request.
func giveReason(ctx context.Context, s *status.Status) *status.Status {
	switch s.Code() {
	case codes.InvalidArgument:
		return newStatus(codes.InvalidArgument, reasonMalformed, explainQuery(s.Message()))
	case codes.Canceled:
		return statusOf(ctx, context.Canceled)
	case codes.DeadlineExceeded:
		return statusOf(ctx, context.DeadlineExceeded)
	default:
		return newStatus(codes.Internal, reasonInternal, sentenceInternal)
	}
}

// queryValue is what the gateway says of a parameter whose value does not fit.
var queryValue = regexp.MustCompile(`^(?:parsing|too many values for) (?:field|list) "(\w{1,64})"`)

// explainQuery leaves sentences about bodies, which are jsonCodec's, as they are.
func explainQuery(text string) string {
	if m := queryValue.FindStringSubmatch(text); m != nil {
		return "the query has a value of the wrong type, or more than one, for " + m[1]
	}
	return text
}
