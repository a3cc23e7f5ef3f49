package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// edgesPath begins the path of FleetService.ReportEdge, and reportVerb ends it.
	edgesPath  = "/v1/edges/"
	reportVerb = ":report"
	// maxAnswer bounds what is read of an answer, and maxHeader its header, in bytes.
	maxAnswer = 16 << 10
	maxHeader = 16 << 10
	// dialTimeout keeps a control plane that is gone from taking up all of a report's
	// time.
	dialTimeout = 5 * time.Second
	// keepIdle is how long a connection is kept for the next report: long enough for
	// several questions in a row, and shorter than the least usual pace, so that a
	// control plane does not hold one for each edge besides its stream.
	keepIdle = 2 * time.Second
)

// errUnsupported tells that the control plane does not know of reports.
var errUnsupported = errors.New("the control plane takes no reports")

// outcomeOf names an error of post.
func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Accepted
	case errors.Is(err, errUnsupported):
		return Unsupported
	default:
		return Failed
	}
}

// newClient has one connection at the most.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			MaxIdleConns:           1,
			MaxConnsPerHost:        1,
			IdleConnTimeout:        keepIdle,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// target is where an edge's reports go, whatever its name has in it.
func target(server *url.URL, node string) string {
	return server.JoinPath(edgesPath + url.PathEscape(node) + reportVerb).String()
}

// send makes a report, and gives the pace that the control plane asks for.
func (r *Reporter) send(ctx context.Context, server *url.URL, m message) (pace time.Duration, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("encode report: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target(server, r.cfg.Node), bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("send report: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	// Has a kept connection that was closed meanwhile replaced; nothing is sent for it.
	req.Header["Idempotency-Key"] = []string{}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("send report: %w", err)
	}
	if err := checkAnswer(resp); err != nil {
		return 0, errors.Join(err, resp.Body.Close())
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, fmt.Errorf("read answer to report: %w", err)
	}
	return judge(resp.StatusCode, answer)
}

// checkAnswer refuses what is not of the control plane, and may have no end: its answers
// and refusals are JSON. A method that it does not know may be refused by a proxy.
func checkAnswer(resp *http.Response) error {
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case unsupported(resp.StatusCode):
		return fmt.Errorf("%w: it answers %d", errUnsupported, resp.StatusCode)
	case err != nil || mediaType != "application/json":
		return fmt.Errorf("answer to report is %d with %q, not JSON", resp.StatusCode, resp.Header.Get("Content-Type"))
	default:
		return nil
	}
}

func unsupported(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// judge reads a ReportEdgeResponse, or a google.rpc.Status as far as it matters.
func judge(status int, answer []byte) (pace time.Duration, err error) {
	var body struct {
		ReportAfter string `json:"report_after"`
		Message     string `json:"message"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return 0, fmt.Errorf("decode answer %d to report: %w", status, err)
	}
	if status/100 != 2 {
		return 0, fmt.Errorf("the control plane answers %d: %q", status, body.Message)
	}
	return paceOf(body.ReportAfter), nil
}

// paceOf reads a google.protobuf.Duration. What is none, or not above 0, leaves the pace
// to the edge.
func paceOf(reportAfter string) time.Duration {
	pace, err := time.ParseDuration(reportAfter)
	if err != nil || pace <= 0 {
		return usualPace
	}
	return min(max(pace, minPace), maxPace)
}
