package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ringcast/ringcast/edgeproxy/token"
)

// refusal is an answer that ends a request at the gate.
type refusal struct {
	status     int
	Error      string  `json:"error"`
	Reason     *string `json:"reason,omitempty"` // always there for ip_banned
	challenge  string  // WWW-Authenticate (RFC 9110, section 11.6.1)
	retryAfter int     // seconds, 0 for none
}

// The refusals without a reason of their own.
var (
	stateUnavailable  = &refusal{status: http.StatusServiceUnavailable, Error: "state_unavailable"}
	forwardedConflict = &refusal{status: http.StatusBadRequest, Error: "forwarded_conflict"}
	stale             = &refusal{status: http.StatusServiceUnavailable, Error: "stale"}
	tokenRevoked      = &refusal{
		status: http.StatusUnauthorized, Error: "token_revoked",
		challenge: `Bearer error="invalid_token", error_description="The token was revoked"`, // RFC 6750, section 3
	}
)

func ofToken(failure token.Failure) *refusal {
	if failure == token.KeysUnavailable {
		return &refusal{status: http.StatusServiceUnavailable, Error: failure.String(), retryAfter: token.RetryAfter}
	}
	return &refusal{status: http.StatusUnauthorized, Error: failure.String(), challenge: failure.Challenge()}
}

// refusalTimeout ends the connection of a client that asks on and on and reads no
// refusal.
const refusalTimeout = 10 * time.Second

func (g *gate) refuse(w http.ResponseWriter, refused *refusal) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(refusalTimeout)) // a writer that has none waits
	g.metrics.refused.WithLabelValues(refused.Error).Inc()
	body, err := json.Marshal(refused)
	if err != nil {
		panic(fmt.Sprintf("server: encode refusal: %v", err))
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if refused.challenge != "" {
		h.Set("WWW-Authenticate", refused.challenge)
	}
	if refused.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(refused.retryAfter))
	}
	w.WriteHeader(refused.status)
	_, _ = w.Write(body) // the client may have gone
}
