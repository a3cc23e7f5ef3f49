package server

import (
	"math"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/internal/config"
)

// What is wrong with the TTL flags is said in one line that begins with the flag,
// whether or not a rule is named.
func TestTTLFlagsRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change     func(*Config)
		flag, says string
	}{
		"an unknown rule": {func(c *Config) { c.TTLRules = []string{"jitter", "moon"} }, "--ttl-rules", `unknown TTL rule "moon": there are frequency, time, jitter`},
		"a rule twice":    {func(c *Config) { c.TTLRules = []string{"time", "time"} }, "--ttl-rules", `"time" is named twice`},
		"factor 0":        {func(c *Config) { c.TTLMaxFactor = 0 }, "--ttl-max-factor", "from 1 to 10"},
		"factor below 1":  {func(c *Config) { c.TTLMaxFactor = 0.99 }, "--ttl-max-factor", "0.99"},
		"factor 10.5":     {func(c *Config) { c.TTLMaxFactor = 10.5 }, "--ttl-max-factor", "10.5"},
		"no number":       {func(c *Config) { c.TTLMaxFactor = math.NaN() }, "--ttl-max-factor", "NaN"},
		"words for hours": {func(c *Config) { c.TTLPeak = "at noon" }, "--ttl-peak", `"at noon"`},
		"no hours":        {func(c *Config) { c.TTLPeak = "08:00-08:00" }, "--ttl-peak", "the whole day"},
		"an hour 25":      {func(c *Config) { c.TTLPeak = "08:00-25:00" }, "--ttl-peak", "25:00"},
		"an unknown zone": {func(c *Config) { c.TTLZone = "Mars/Olympus" }, "--ttl-zone", "Mars/Olympus"},
		"a zone's path":   {func(c *Config) { c.TTLZone = "../etc/passwd" }, "--ttl-zone", "../etc/passwd"},
	} {
		cfg := defaultConfig(t)
		row.change(&cfg)
		_, err := New(cfg, Deps{})
		if err == nil || !strings.HasPrefix(err.Error(), row.flag+": ") || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want a line on %s with %s", name, err, row.flag, row.says)
		}
	}
}

func TestTTLFlagsTaken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"defaults":   func(*Config) {},
		"all rules":  func(c *Config) { c.TTLRules = []string{"jitter", "frequency", "time"} },
		"bounds":     func(c *Config) { c.TTLMaxFactor = 10 },
		"factor 1":   func(c *Config) { c.TTLMaxFactor = 1 },
		"night":      func(c *Config) { c.TTLPeak, c.TTLZone = "22:00-06:00", "Europe/Berlin" },
		"empty":      func(c *Config) { c.TTLPeak, c.TTLZone = "", "" },
		"local zone": func(c *Config) { c.TTLZone = "Local" },
	} {
		cfg := defaultConfig(t)
		change(&cfg)
		s, err := New(cfg, Deps{})
		if err != nil || s.ttl.Active() != (name == "all rules") {
			t.Errorf("%s: %v, %+v", name, err, s)
		}
	}
}

func defaultConfig(t *testing.T) Config {
	t.Helper()
	var cfg Config
	if err := config.SetDefaults(&cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Origin = "http://localhost:8080"
	return cfg
}
