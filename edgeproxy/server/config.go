package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/ringcast/ringcast/edgeproxy/cache/ttl"
	"github.com/ringcast/ringcast/internal/config"
	"github.com/ringcast/ringcast/internal/listen"
)

// Config is everything that an edge can be told. Flags, environment, file and
// the reference page come from it.
type Config struct {
	Listen      string `flag:"listen" default:"localhost:5001" value:"ADDRESS" help:"address of the traffic; it may be public" sketch:"PORT,port"`
	AdminListen string `flag:"admin-listen" default:"localhost:5901" value:"ADDRESS" help:"address of health, metrics and status"`
	Insecure    bool   `flag:"insecure" help:"allow an admin address beyond loopback although anybody who reaches it may read it"`

	Origin  string   `flag:"origin" value:"URL" help:"where requests that pass are sent; required" sketch:"ORIGIN_URL"`
	Control []string `flag:"control" default:"http://localhost:4000" value:"URL" help:"control plane to follow; several are tried in turn"`
	NodeID  string   `flag:"node-id" value:"NAME" help:"name of this edge, which no other has; the host name if not given" sketch:"NODE_ID"`
	DataDir string   `flag:"data-dir" default:"./ringcast-edge" value:"DIR" help:"directory of the state; one process at a time"`

	GateConfig

	CacheMaxBytes     config.Bytes `flag:"cache-max-bytes" default:"1GiB" value:"SIZE" help:"bound on stored responses, in memory and on disk; 0 stores nothing"`
	CacheMemory       config.Bytes `flag:"cache-memory" default:"256MiB" value:"SIZE" help:"how much of that is in memory as well; no body that is longer is stored, and 0 stores nothing"`
	CacheMaxEntries   int          `flag:"cache-max-entries" default:"100000" value:"N" help:"bound on the number of stored responses; 0 stores nothing" sketch:"CACHE_MAX_ENTRIES"`
	CacheMaxObject    config.Bytes `flag:"cache-max-object" default:"8MiB" value:"SIZE" help:"longest body that is stored; longer ones pass through"`
	TTLRules          []string     `flag:"ttl-rules" value:"NAME" help:"rules that lengthen or shorten freshness, in order, such as frequency,time,jitter; RFC 9111 alone counts if not given"`
	TTLMaxFactor      float64      `flag:"ttl-max-factor" default:"2" value:"N" help:"how many times as long as the origin said the rules may keep a response, 1 to 10"`
	TTLPeak           string       `flag:"ttl-peak" default:"08:00-22:00" value:"HOURS" help:"daily hours of the rule time"`
	TTLZone           string       `flag:"ttl-zone" default:"UTC" value:"ZONE" help:"time zone of those hours, as Europe/Berlin"`
	CacheIgnoreReload bool         `flag:"cache-ignore-reload" help:"pass over what requests say of the freshness they want, such as a browser's reload"`
	CacheStatusKey    bool         `flag:"cache-status-key" help:"tell the cache key in Cache-Status"`
	ExposeCacheTags   bool         `flag:"expose-cache-tags" help:"leave the origin's tag headers in the answers"`
}

// maxNodeID bounds a node's name, which the control plane keeps for each stream.
const maxNodeID = 256

// Deps are what a server takes from its process.
type Deps struct {
	// Logger is required.
	Logger *slog.Logger
	// Version is shown in the status.
	Version string
}

// settings are a Config that has been checked.
type settings struct {
	Config
	origin  *url.URL
	control []*url.URL
	ttl     *ttl.Pipeline
	gates
}

func (c Config) check() (settings, error) {
	s := settings{Config: c}
	var errs []error
	var err error
	if s.origin, err = parseURL("--origin", c.Origin); err != nil {
		errs = append(errs, err)
	}
	for _, text := range c.Control {
		u, err := parseURL("--control", text)
		if err != nil {
			errs = append(errs, err)
		}
		s.control = append(s.control, u)
	}
	if len(c.Control) == 0 {
		errs = append(errs, errors.New("--control: name one at least"))
	}
	if s.NodeID, err = nodeID(c.NodeID); err != nil {
		errs = append(errs, err)
	}
	if s.ttl, err = c.rules(); err != nil {
		errs = append(errs, err)
	}
	if s.gates, err = c.GateConfig.check(); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, c.checkCache(), c.checkListeners())
	return s, errors.Join(errs...)
}

func (c Config) checkCache() error {
	if c.CacheMaxBytes < 0 || c.CacheMemory < 0 || c.CacheMaxEntries < 0 || c.CacheMaxObject < 0 {
		return errors.New("--cache-max-bytes, --cache-memory, --cache-max-entries and --cache-max-object are not negative")
	}
	return nil
}

// rules takes up one flag after the other, so that the one that is wrong has its
// name in the error.
func (c Config) rules() (*ttl.Pipeline, error) {
	zone, err := ttl.LoadZone(c.TTLZone)
	if err != nil {
		return nil, fmt.Errorf("--ttl-zone: %w", err)
	}
	config := ttl.Config{Zone: zone, MaxFactor: c.TTLMaxFactor}
	if _, err := ttl.New(config); err != nil {
		return nil, fmt.Errorf("--ttl-max-factor: %w", err)
	}
	config.Peak = c.TTLPeak
	if _, err := ttl.New(config); err != nil {
		return nil, fmt.Errorf("--ttl-peak: %w", err)
	}
	config.Rules = c.TTLRules
	rules, err := ttl.New(config)
	if err != nil {
		return nil, fmt.Errorf("--ttl-rules: %w", err)
	}
	return rules, nil
}

// checkListeners lets traffic come from anywhere, and not the questions of
// strangers.
func (c Config) checkListeners() error {
	return listen.Check(
		listen.Setting{Flag: "--listen", Address: c.Listen, Public: true},
		listen.Setting{Flag: "--admin-listen", Address: c.AdminListen, Public: c.Insecure},
	)
}

func parseURL(flag, text string) (*url.URL, error) {
	if text == "" {
		return nil, fmt.Errorf("%s is required, such as http://localhost:8080", flag)
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%s %q: want an http or https URL, such as http://localhost:8080", flag, text)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return nil, fmt.Errorf("%s %q: there is no port %s; want 1 to 65535", flag, text, u.Port())
	}
	return u, nil
}

func nodeID(name string) (string, error) {
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return "", fmt.Errorf("--node-id is not given and there is no host name: %w", err)
		}
		name = host
	}
	// A slash would end the name in the path of a report.
	if len(name) > maxNodeID || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == '/' }) {
		return "", fmt.Errorf("--node-id %q: want at most %d bytes without spaces and /", name, maxNodeID)
	}
	return name, nil
}
