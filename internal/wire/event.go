package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Event types, as the stream's event field names them.
const (
	TypeIPBanned         = "ip_banned"
	TypeIPUnbanned       = "ip_unbanned"
	TypeIPAllowed        = "ip_allowed"
	TypeIPAllowRemoved   = "ip_allow_removed"
	TypeTokenRevoked     = "token_revoked"
	TypeTokenRestored    = "token_restored"
	TypeCacheInvalidated = "cache_invalidated"
	TypePreloadHinted    = "preload_hinted"
	// Those of the fleet go to control planes alone.
	TypeEdgeJoined = "edge_joined"
	TypeEdgeLeft   = "edge_left"
)

// The reasons of EdgeLeft.
const (
	// LeftStopped: the edge said so itself.
	LeftStopped = "stopped"
	// LeftForgotten: an operator said that it is gone.
	LeftForgotten = "forgotten"
	// LeftUnheard: it was not heard of for the time that the control plane was told.
	LeftUnheard = "unheard"
)

// ErrUndecodable is wrapped by Decode's error for an event of a known type
// whose data is not what the type says.
var ErrUndecodable = errors.New("undecodable event")

// IPBanned refuses an address or prefix. decodeBan reads its fields in this order.
type IPBanned struct {
	// IP is the address or prefix in canonical form; see ParsePrefix.
	IP string `json:"ip"`
	// Reason is shown to the refused client.
	Reason string `json:"reason"`
	// Automatic says that an edge decided on the ban by itself.
	Automatic bool `json:"automatic"`
	// ExpiresAt is the end in Unix seconds; 0: none.
	ExpiresAt int64 `json:"expires_at,omitempty"`
	// Timestamp is when the ban was accepted, in Unix seconds.
	Timestamp int64 `json:"timestamp"`
}

// IPUnbanned lifts every ban of exactly that address or prefix.
type IPUnbanned struct {
	IP        string `json:"ip"`
	Timestamp int64  `json:"timestamp"`
}

// IPAllowed lets an address or prefix pass, whatever bans cover it.
type IPAllowed struct {
	// IP is the address or prefix in canonical form; see ParsePrefix.
	IP string `json:"ip"`
	// Reason is for operators.
	Reason string `json:"reason"`
	// ExpiresAt is the end in Unix seconds; 0: none.
	ExpiresAt int64 `json:"expires_at,omitempty"`
	// Timestamp is when the entry was accepted, in Unix seconds.
	Timestamp int64 `json:"timestamp"`
}

// IPAllowRemoved removes the allow entry of exactly that address or prefix.
type IPAllowRemoved struct {
	IP        string `json:"ip"`
	Timestamp int64  `json:"timestamp"`
}

// TokenRef names what a revocation is about; exactly one field is set.
type TokenRef struct {
	// JTI is one token's id.
	JTI string `json:"jti,omitempty"`
	// Subject stands for all tokens of a subject.
	Subject string `json:"subject,omitempty"`
	// TokenHash is the SHA-256 of a token's bytes in lower-case hexadecimal.
	TokenHash string `json:"token_hash,omitempty"`
}

// TokenRevoked refuses a token, or a subject's tokens up to a moment.
type TokenRevoked struct {
	TokenRef
	Reason string `json:"reason"`
	// ExpiresAt is the end in Unix seconds; 0: none.
	ExpiresAt int64 `json:"expires_at,omitempty"`
	// IssuedBefore is set for a subject: its tokens issued up to and including
	// that Unix second are refused.
	IssuedBefore int64 `json:"issued_before,omitempty"`
	Timestamp    int64 `json:"timestamp"`
}

// TokenRestored takes a revocation back.
type TokenRestored struct {
	TokenRef
	Timestamp int64 `json:"timestamp"`
}

// CacheInvalidated makes stored responses unusable.
type CacheInvalidated struct {
	// Tags, where a trailing "*" makes a prefix.
	Tags []string `json:"tags"`
	// Keys are paths or absolute URLs, where a trailing "*" makes a prefix.
	Keys []string `json:"keys"`
	// All covers everything.
	All bool `json:"all"`
	// Soft leaves responses usable where stale ones are allowed.
	Soft bool `json:"soft"`
	// Settle is a Go duration ("2s"): covered responses whose fetch begins
	// within it are not stored. Empty: none.
	Settle    string `json:"settle,omitempty"`
	Timestamp int64  `json:"timestamp"`
}

// PreloadHinted names responses that will be wanted.
type PreloadHinted struct {
	// Routes are paths, with a query or without, or absolute URLs.
	Routes    []string `json:"routes"`
	Timestamp int64    `json:"timestamp"`
}

// EdgeJoined tells that an edge belongs to the fleet.
type EdgeJoined struct {
	NodeID   string `json:"node_id"`
	Instance string `json:"instance"`
	// Epoch and Head were the log's when the edge joined.
	Epoch     string `json:"epoch"`
	Head      uint64 `json:"head,string"`
	Timestamp int64  `json:"timestamp"`
}

// EdgeLeft tells that it no longer does.
type EdgeLeft struct {
	NodeID   string `json:"node_id"`
	Instance string `json:"instance"`
	// Reason is one of LeftStopped, LeftForgotten and LeftUnheard.
	Reason    string `json:"reason"`
	Timestamp int64  `json:"timestamp"`
}

// Decode turns an event's data into one of the types above, a pointer. The
// result is nil, without an error, for a type that this version does not know.
// Fields that it does not know are passed over, so that a newer control plane
// may add some. Errors wrap ErrUndecodable.
func Decode(eventType string, data []byte) (any, error) {
	switch eventType {
	case TypeIPBanned:
		if ban, ok := decodeBan(data); ok {
			return ban, nil
		}
		return decode[IPBanned](eventType, data)
	case TypeIPUnbanned:
		return decode[IPUnbanned](eventType, data)
	case TypeIPAllowed:
		return decode[IPAllowed](eventType, data)
	case TypeIPAllowRemoved:
		return decode[IPAllowRemoved](eventType, data)
	case TypeTokenRevoked:
		return decode[TokenRevoked](eventType, data)
	case TypeTokenRestored:
		return decode[TokenRestored](eventType, data)
	case TypeCacheInvalidated:
		return decode[CacheInvalidated](eventType, data)
	case TypePreloadHinted:
		return decode[PreloadHinted](eventType, data)
	case TypeEdgeJoined:
		return decode[EdgeJoined](eventType, data)
	case TypeEdgeLeft:
		return decode[EdgeLeft](eventType, data)
	}
	return nil, nil
}

func decode[T any](eventType string, data []byte) (any, error) {
	var v *T
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUndecodable, eventType, err)
	}
	if v == nil {
		return nil, fmt.Errorf("%w: %s: it is null", ErrUndecodable, eventType)
	}
	return v, nil
}

// Encode gives an event's type and data. It panics on a value that is not a
// pointer to one of the types above: only the program's own code calls it.
func Encode(event any) (eventType string, data []byte) {
	switch event.(type) {
	case *IPBanned:
		eventType = TypeIPBanned
	case *IPUnbanned:
		eventType = TypeIPUnbanned
	case *IPAllowed:
		eventType = TypeIPAllowed
	case *IPAllowRemoved:
		eventType = TypeIPAllowRemoved
	case *TokenRevoked:
		eventType = TypeTokenRevoked
	case *TokenRestored:
		eventType = TypeTokenRestored
	case *CacheInvalidated:
		eventType = TypeCacheInvalidated
	case *PreloadHinted:
		eventType = TypePreloadHinted
	case *EdgeJoined:
		eventType = TypeEdgeJoined
	case *EdgeLeft:
		eventType = TypeEdgeLeft
	default:
		panic(fmt.Sprintf("wire: encode %T", event))
	}
	data, err := json.Marshal(event)
	if err != nil {
		panic(fmt.Sprintf("wire: encode %T: %v", event, err))
	}
	return eventType, data
}
