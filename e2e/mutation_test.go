package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// mutation is something to be written, with the request id under which it is
// tried until it was acknowledged.
type mutation struct {
	id     string
	entity string // an address or prefix, or "jti:<id>"
	lift   bool
	// position is set once it was acknowledged.
	position uint64
}

// jti is the token's id; ok is false for an address.
func (m mutation) jti() (jti string, ok bool) { return strings.CutPrefix(m.entity, "jti:") }

// eventType is how the stream names the mutation.
func (m mutation) eventType() string {
	_, token := m.jti()
	switch {
	case token && m.lift:
		return "token_restored"
	case token:
		return "token_revoked"
	case m.lift:
		return "ip_unbanned"
	default:
		return "ip_banned"
	}
}

// sender sends a mutation once. again tells that the outcome is not known and
// that the mutation is to be sent again.
type sender interface {
	send(m mutation) (position uint64, again bool, err error)
}

// attempt bounds one try, so that a call into a dead process ends.
const attempt = 10 * time.Second

// rpcSender sends by gRPC.
type rpcSender struct{ api }

type receipt interface{ GetPosition() uint64 }

func (s rpcSender) send(m mutation) (uint64, bool, error) {
	return answered(func(ctx context.Context) (receipt, error) { return s.call(ctx, m) })
}

// answered tells of a call what send does.
func answered(call func(context.Context) (receipt, error)) (uint64, bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), attempt)
	defer cancel()
	answer, err := call(ctx)
	if err == nil {
		return answer.GetPosition(), false, nil
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded:
		return 0, true, err
	default:
		return 0, false, err
	}
}

func (s rpcSender) call(ctx context.Context, m mutation) (receipt, error) {
	jti, token := m.jti()
	switch {
	case token && m.lift:
		return s.tokens.RestoreToken(ctx, &ringcastv1.RestoreTokenRequest{Of: &ringcastv1.RestoreTokenRequest_Jti{Jti: jti}, RequestId: m.id})
	case token:
		return s.tokens.RevokeToken(ctx, &ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: jti}, RequestId: m.id})
	case m.lift:
		return s.bans.UnbanIP(ctx, &ringcastv1.UnbanIPRequest{Ip: m.entity, RequestId: m.id})
	default:
		return s.bans.BanIP(ctx, &ringcastv1.BanIPRequest{Ip: m.entity, Reason: m.id, RequestId: m.id})
	}
}

// restSender sends by REST.
type restSender struct{ url string }

func (s restSender) send(m mutation) (uint64, bool, error) {
	path, body := s.route(m)
	body["request_id"] = m.id
	data, err := json.Marshal(body)
	if err != nil {
		return 0, false, err
	}
	resp, err := client.Post(s.url+path, "application/json", bytes.NewReader(data))
	if err != nil {
		return 0, true, err
	}
	a, err := read(resp)
	if err != nil {
		return 0, true, err
	}
	if a.code != http.StatusOK {
		return 0, a.code >= 500, fmt.Errorf("%s %s: %s", path, data, a)
	}
	var receipt struct {
		Position string `json:"position"`
	}
	if err := json.Unmarshal([]byte(a.body), &receipt); err != nil {
		return 0, false, fmt.Errorf("%s: %w", a, err)
	}
	position, err := strconv.ParseUint(receipt.Position, 10, 64)
	return position, false, err
}

func (s restSender) route(m mutation) (path string, body map[string]string) {
	jti, token := m.jti()
	switch {
	case token && m.lift:
		return "/v1/revocations:restore", map[string]string{"jti": jti}
	case token:
		return "/v1/revocations", map[string]string{"jti": jti}
	case m.lift:
		return "/unban/ip", map[string]string{"ip": m.entity}
	default:
		return "/v1/bans", map[string]string{"ip": m.entity, "reason": m.id}
	}
}
