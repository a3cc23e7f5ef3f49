package controlplane

import "fmt"

// Kind says what a caller can do about an Error. Package api maps it to a gRPC
// code, and nothing else does.
type Kind int

// The kinds of errors.
const (
	// Invalid: the request can never succeed as it is.
	Invalid Kind = iota + 1
	// Conflict: the request contradicts an earlier one.
	Conflict
	// Precondition: the request can succeed once something else has changed.
	Precondition
	// Unavailable: the same request may succeed later.
	Unavailable
	// NotFound: what the request names is not there.
	NotFound
)

// Reasons of errors, stable for programs.
const (
	ReasonInvalidIP         = "INVALID_IP"
	ReasonInvalidTag        = "INVALID_TAG"
	ReasonInvalidKey        = "INVALID_KEY"
	ReasonInvalidRoute      = "INVALID_ROUTE"
	ReasonInvalidTTL        = "INVALID_TTL"
	ReasonInvalidPageToken  = "INVALID_PAGE_TOKEN"
	ReasonNothingSelected   = "NOTHING_SELECTED"
	ReasonRequestIDReused   = "REQUEST_ID_REUSED"
	ReasonLogUnavailable    = "LOG_UNAVAILABLE"
	ReasonSelectionTooLarge = "SELECTION_TOO_LARGE"
	ReasonAddressAllowed    = "ADDRESS_ALLOWED"
	ReasonRepeatedIP        = "REPEATED_IP"
	ReasonUnknownEdge       = "UNKNOWN_EDGE"
	ReasonEdgeConnected     = "EDGE_CONNECTED"
	ReasonTooManyEdges      = "TOO_MANY_EDGES"
	ReasonInvalidQuorum     = "INVALID_QUORUM"
	ReasonQuorumTooLarge    = "QUORUM_TOO_LARGE"
	ReasonPositionAhead     = "POSITION_AHEAD"
	ReasonAnotherEpoch      = "ANOTHER_EPOCH"
	ReasonInvalidChannel    = "INVALID_CHANNEL"
	ReasonInvalidType       = "INVALID_TYPE"
	ReasonReservedType      = "RESERVED_TYPE"
	ReasonInvalidData       = "INVALID_DATA"
	ReasonDataTooLarge      = "DATA_TOO_LARGE"
)

// Error is a refusal that a caller can act on.
type Error struct {
	Kind Kind
	// Reason is one of the Reason constants.
	Reason string
	// Message is a sentence for a person.
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Errorf makes an Error with a formatted message.
func Errorf(kind Kind, reason, format string, args ...any) *Error {
	return &Error{Kind: kind, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
