package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	_ "github.com/Shopify/toxiproxy/v2/toxics" // registers the kinds of toxics
	"github.com/rs/zerolog"
)

// linkKind is what a link does to what goes through it, in each direction.
type linkKind struct {
	name string
	// delay is half of the round trip, and jitter how much it varies up and down.
	delay, jitter time.Duration
	// rate is in kB/s; 0: as much as there is.
	rate int
}

// linkKinds are those that are measured. Delays in their names are of the round trip.
func linkKinds() []linkKind {
	return []linkKind{
		{name: "no delay"},
		{name: "20 ms", delay: 10 * time.Millisecond},
		{name: "80 ms", delay: 40 * time.Millisecond},
		{name: "200 ms", delay: 100 * time.Millisecond},
		{name: "80 ± 40 ms", delay: 40 * time.Millisecond, jitter: 20 * time.Millisecond},
		{name: "1 Mbit/s", rate: 125},
	}
}

// toxics are what the kind is in toxiproxy's terms.
func (k linkKind) toxics() (toxics []string) {
	for _, stream := range []string{"upstream", "downstream"} {
		if k.delay > 0 {
			toxics = append(toxics, fmt.Sprintf(`{"type": "latency", "stream": %q, "attributes": {"latency": %d, "jitter": %d}}`,
				stream, k.delay.Milliseconds(), k.jitter.Milliseconds()))
		}
		if k.rate > 0 {
			toxics = append(toxics, fmt.Sprintf(`{"type": "bandwidth", "stream": %q, "attributes": {"rate": %d}}`, stream, k.rate))
		}
	}
	return toxics
}

// link is the way from an edge to the control plane. It delays what is sent, but not the
// opening of a connection, which a real network delays by a round trip.
type link struct {
	proxy *toxiproxy.Proxy
	url   string
}

// startLink starts a link to a control plane's URL.
func startLink(control string, kind linkKind) (*link, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, kind.name, "127.0.0.1:0", strings.TrimPrefix(control, "http://"))
	for _, toxic := range kind.toxics() {
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return nil, fmt.Errorf("make link %s: %w", kind.name, err)
		}
	}
	l := &link{proxy: proxy}
	if err := l.up(); err != nil {
		return nil, err
	}
	l.url = "http://" + proxy.Listen
	return l, nil
}

// up takes connections, at the same address as before.
func (l *link) up() error {
	if err := l.proxy.Start(); err != nil {
		return fmt.Errorf("start link: %w", err)
	}
	return nil
}

// down ends all connections and takes no more.
func (l *link) down() { l.proxy.Stop() }

// stop is down for good. It can be called again.
func (l *link) stop() { l.down() }
