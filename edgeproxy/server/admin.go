package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ringcast/ringcast/internal/listen"
)

// readyWithout is how long a restarted edge waits for a control plane before it
// counts as ready with what it knows.
const readyWithout = 5 * time.Second

// Status is the body of GET /status. The position is a decimal string, as in
// events: it may exceed what a JSON number holds exactly in JavaScript. All else
// that counts or measures is a number.
type Status struct {
	NodeID   string `json:"node_id"`
	Instance string `json:"instance"`
	Version  string `json:"version"`
	// Epoch and Position are what is in force; "" and 0 before the first sync.
	Epoch    string `json:"epoch"`
	Position uint64 `json:"position,string"`
	// StalenessSeconds is for how long the log has not been known to have had
	// nothing new, a run before this one included; null if it never was.
	StalenessSeconds *float64 `json:"staleness_seconds"`
	// Stale tells whether that is longer than --max-staleness, or not known.
	Stale bool `json:"stale"`
	// Server is the control plane of the open stream.
	Server string `json:"server"`
	Synced bool   `json:"synced"`
	// ReportedTo is the control plane that accepted the last report, and
	// LastReportSeconds how long ago that was; "" and null since none did.
	ReportedTo        string   `json:"reported_to"`
	LastReportSeconds *float64 `json:"last_report_seconds"`
	// Alarm says why the position stands still.
	Alarm string `json:"alarm,omitempty"`

	Bans             int    `json:"bans"`
	Allows           int    `json:"allows"`
	Autobans         uint64 `json:"autobans"`
	Revocations      int    `json:"revocations"`
	Indexed          bool   `json:"indexed"`
	CachedURLs       int    `json:"cached_urls"`
	StoredEntries    int64  `json:"stored_entries"`
	StoredBytes      int64  `json:"stored_bytes"`
	Fences           int    `json:"fences"`
	CacheGeneration  uint64 `json:"cache_generation"`
	AppliedEvents    uint64 `json:"applied_events"`
	UnknownEvents    uint64 `json:"unknown_events"`
	Resets           uint64 `json:"resets"`
	StreamsConnected uint64 `json:"streams_connected"`
	UptimeSeconds    int64  `json:"uptime_seconds"`
}

func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.HandleFunc("GET /check", s.serveCheck)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, s.Status()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return checkHost(listen.HostsOf(s.AdminListen), mux)
}

// checkHost keeps web pages whose name was made to resolve to this machine from
// reading what the listener tells.
func checkHost(hosts listen.Hosts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !hosts.Allow(r.Host) {
			answerJSON(w, http.StatusMisdirectedRequest, map[string]string{
				"error":  "host_not_allowed",
				"reason": "this listener does not go by the name in the Host header; use localhost or the address that it listens on",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Status describes the edge at this moment.
func (s *Server) Status() Status {
	cursor, _ := s.state.InForce()
	stream, counts, stats := s.follower.Status(), s.deny.Counts(), s.cache.Stats()
	status := Status{
		NodeID: s.NodeID, Instance: s.state.Instance(), Version: s.deps.Version,
		Epoch: cursor.Epoch, Position: cursor.Position,
		Server: stream.Server, Synced: stream.Synced,
		Stale: s.isStale(), Allows: counts.Allows + len(s.Allow), Autobans: s.warden.Stats().Banned,
		Bans: counts.Prefixes, Revocations: counts.Revocations, Indexed: counts.Indexed,
		CachedURLs: stats.URLs, StoredEntries: s.diskStats().Entries, StoredBytes: s.diskStats().Bytes, Fences: stats.Fences, CacheGeneration: stats.Generation,
		AppliedEvents: stream.Applied, Resets: stream.Resets, StreamsConnected: stream.Connects,
		UptimeSeconds: int64(time.Since(s.started).Seconds()),
	}
	status.ReportedTo, status.LastReportSeconds = s.lastReport()
	for _, n := range stream.Unknown {
		status.UnknownEvents += n
	}
	if staleness, known := s.staleness(); known {
		seconds := staleness.Round(time.Millisecond).Seconds()
		status.StalenessSeconds = &seconds
	}
	if stream.Alarm != nil {
		status.Alarm = stream.Alarm.Error()
	}
	return status
}

// ready says why the edge should get no traffic, if so.
func (s *Server) ready() error {
	stream := s.follower.Status()
	_, known := s.state.InForce()
	switch {
	case stream.Alarm != nil:
		return fmt.Errorf("the position stands still: %w", stream.Alarm)
	case !known:
		return errors.New("nothing is known yet: the first sync is not complete")
	case s.OnStale != staleServe && s.isStale():
		return fmt.Errorf("the log has not been heard of for longer than --max-staleness %s", s.MaxStaleness)
	case !s.tokens.Ready():
		return errors.New("the keys of --jwt-jwks were not to be had yet")
	case stream.Levelled, stream.Server == "" && time.Since(s.started) >= readyWithout:
		return nil
	default:
		return errors.New("not yet level with the log")
	}
}

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	body := struct {
		Status           string   `json:"status"`
		Reason           string   `json:"reason,omitempty"`
		StalenessSeconds *float64 `json:"staleness_seconds"`
	}{Status: "ready", StalenessSeconds: s.Status().StalenessSeconds}
	code := http.StatusOK
	if err := s.ready(); err != nil {
		code, body.Status, body.Reason = http.StatusServiceUnavailable, "unready", err.Error()
	}
	answerJSON(w, code, body)
}

func answerJSON(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("server: encode %T: %v", v, err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n')) // the client may have gone
}
