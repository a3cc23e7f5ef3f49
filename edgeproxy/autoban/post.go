package autoban

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ringcast/ringcast/internal/wire"
)

// Reason is the reason of automatic bans. The client is shown it: it tells no limits.
const Reason = "too many failed requests"

const (
	// bansPath is that of BanService.BanIP.
	bansPath = "/v1/bans"
	// reasonAllowed is that of a ban which an allow entry covers.
	reasonAllowed = "ADDRESS_ALLOWED"
	// postTimeout keeps a control plane that says nothing from holding up the next one.
	postTimeout = 10 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 16 << 10
)

var (
	// errAllowed tells that an allow entry covers the banned prefix.
	errAllowed = errors.New("the address is allowed")
	// errRefused tells that no repeat will make the control plane take the ban.
	errRefused = errors.New("refused")
)

// request is a BanIPRequest in JSON.
type request struct {
	IP        string `json:"ip"`
	Reason    string `json:"reason"`
	TTL       string `json:"ttl"`
	Automatic bool   `json:"automatic"`
	RequestID string `json:"request_id"`
}

// refusal is a google.rpc.Status in JSON, as far as it matters.
type refusal struct {
	Message string `json:"message"`
	Details []struct {
		Reason string `json:"reason"`
	} `json:"details"`
}

// post reports a ban. The request's id is the same each time, so that a repeat of one
// that did arrive changes nothing.
func (r *reporter) post(ctx context.Context, server *url.URL, ban Ban) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	body, err := json.Marshal(r.request(ban))
	if err != nil {
		return fmt.Errorf("report ban: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.JoinPath(bansPath).String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("report ban: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("report ban: %w", err)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("report ban: %w", err)
	}
	return judge(resp.StatusCode, answer)
}

func (r *reporter) request(ban Ban) request {
	left := ban.End().Sub(r.now())
	return request{
		IP: wire.FormatPrefix(ban.Prefix), Reason: Reason, Automatic: true,
		TTL:       fmt.Sprintf("%ds", max(1, (left+time.Second-1)/time.Second)),
		RequestID: r.requestID(ban),
	}
}

// requestID is short whatever the instance's name is.
func (r *reporter) requestID(ban Ban) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", r.instance, ban.Prefix, ban.Start.UnixNano()))
	return "autoban-" + hex.EncodeToString(sum[:16])
}

// judge turns an answer into an error. A request_id that was used for other content
// was used by an earlier try, when more of the ban was left: it arrived.
func judge(status int, answer []byte) error {
	var refused refusal
	_ = json.Unmarshal(answer, &refused) // the status says enough
	allowed := slices.ContainsFunc(refused.Details, func(d struct {
		Reason string `json:"reason"`
	}) bool {
		return d.Reason == reasonAllowed
	})
	switch {
	case status/100 == 2 || status == http.StatusConflict:
		return nil
	case status/100 == 4 && allowed:
		return errAllowed
	case status == http.StatusBadRequest || status == http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %d: %q", errRefused, status, refused.Message)
	}
	return fmt.Errorf("control plane answers %d: %q", status, refused.Message)
}
