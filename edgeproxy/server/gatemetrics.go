package server

import (
	"github.com/prometheus/client_golang/prometheus"
)

// gateCollector gives the counts of tokens, keys and automatic bans.
type gateCollector struct{ s *Server }

// What a gateCollector describes.
var (
	tokenChecks = prometheus.NewDesc("ringcast_edge_token_checks_total",
		"Requests by what became of their token: a reason to refuse it, or verified, remembered, anonymous or unverified.", []string{"outcome"}, nil)
	tokensRemembered = prometheus.NewDesc("ringcast_edge_tokens_remembered", "Verified tokens in memory.", nil, nil)
	jwksRefreshes    = prometheus.NewDesc("ringcast_edge_jwks_refreshes_total", "Fetches of the keys, by result.", []string{"result"}, nil)
	jwtKeys          = prometheus.NewDesc("ringcast_edge_jwt_keys", "Keys in force.", nil, nil)
	autobans         = prometheus.NewDesc("ringcast_edge_autobans_total",
		"Automatic bans by result; reported and report_dropped count what was told to the control plane.", []string{"result"}, nil)
	autobanTracked = prometheus.NewDesc("ringcast_edge_autoban_tracked", "Clients whose failures are remembered.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c gateCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tokenChecks, tokensRemembered, jwksRefreshes, jwtKeys, autobans, autobanTracked} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c gateCollector) Collect(out chan<- prometheus.Metric) {
	c.collectTokens(out)
	w := c.s.warden.Stats()
	for result, n := range map[string]uint64{
		"banned": w.Banned, "exempt": w.Exempt, "dropped": w.Dropped, "reported": w.Reported, "report_dropped": w.ReportsDropped,
	} {
		out <- prometheus.MustNewConstMetric(autobans, prometheus.CounterValue, float64(n), result)
	}
	out <- prometheus.MustNewConstMetric(autobanTracked, prometheus.GaugeValue, float64(w.Tracked))
}

func (c gateCollector) collectTokens(out chan<- prometheus.Metric) {
	t := c.s.tokens.Stats()
	outcomes := map[string]uint64{
		"anonymous": t.Anonymous, "verified": t.Verified, "remembered": t.Remembered, "unverified": t.Unverified,
	}
	for reason, n := range t.Refused {
		outcomes[reason.String()] = n
	}
	for outcome, n := range outcomes {
		out <- prometheus.MustNewConstMetric(tokenChecks, prometheus.CounterValue, float64(n), outcome)
	}
	for result, n := range map[string]uint64{"changed": t.KeysChanged, "unchanged": t.KeysUnchanged, "failed": t.KeysFailed} {
		out <- prometheus.MustNewConstMetric(jwksRefreshes, prometheus.CounterValue, float64(n), result)
	}
	out <- prometheus.MustNewConstMetric(tokensRemembered, prometheus.GaugeValue, float64(t.Memory))
	out <- prometheus.MustNewConstMetric(jwtKeys, prometheus.GaugeValue, float64(t.Keys))
}
