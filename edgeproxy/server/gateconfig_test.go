package server

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is wrong is said in one line that begins with the flag.
func TestGateFlagsRefused(t *testing.T) {
	t.Parallel()
	secret := func(c *Config) { c.JWT, c.JWTSecretFile = "required", "/nowhere" }
	autoban := func(c *Config) { c.AutobanFailures = 5 }
	for name, row := range map[string]struct {
		given      func(*Config)
		change     func(*Config)
		flag, says string
	}{
		"an unknown field":         {nil, func(c *Config) { c.ForwardedHeader = "x-real-ip" }, "--forwarded-header", `"x-real-ip"`},
		"a negative body":          {nil, func(c *Config) { c.MaxRequestBody = -1 }, "--max-request-body", "not negative"},
		"a negative staleness":     {nil, func(c *Config) { c.MaxStaleness = -1 }, "--max-staleness", "not negative"},
		"an unknown on-stale":      {nil, func(c *Config) { c.OnStale = "panic" }, "--on-stale", `"panic"`},
		"unready without a bound":  {nil, func(c *Config) { c.OnStale = staleUnready }, "--on-stale unready", "--max-staleness"},
		"deny without a bound":     {nil, func(c *Config) { c.OnStale = staleDeny }, "--on-stale deny", "--max-staleness"},
		"no name of a field":       {nil, func(c *Config) { c.JWTIdentityHeader = "X_User" }, "--jwt-identity-header", "X_User"},
		"a field with a meaning":   {nil, func(c *Config) { c.JWTIdentityHeader = "authorization" }, "--jwt-identity-header", "Authorization"},
		"an unknown mode":          {nil, func(c *Config) { c.JWT = "on" }, "--jwt", `"on"`},
		"a mode without keys":      {nil, func(c *Config) { c.JWT = "required" }, "--jwt required", "--jwt-jwks"},
		"a path without a mode":    {secret, func(c *Config) { c.JWTPath = []string{"/private"} }, "--jwt-path", "/private"},
		"a path in two ways":       {secret, func(c *Config) { c.JWTPath = []string{"/a/../b=off"} }, "--jwt-path", "/a/../b"},
		"an unknown algorithm":     {secret, func(c *Config) { c.JWTAlgorithm = []string{"none"} }, "--jwt-algorithm", `"none"`},
		"an algorithm without key": {secret, func(c *Config) { c.JWTAlgorithm = []string{"ES256"} }, "--jwt-algorithm", "--jwt-jwks"},
		"a leeway of hours":        {secret, func(c *Config) { c.JWTLeeway = time.Hour }, "--jwt-leeway", "10m"},
		"no cookie's name":         {secret, func(c *Config) { c.JWTCookie = "a b" }, "--jwt-cookie", "a b"},
		"an empty audience":        {secret, func(c *Config) { c.JWTAudience = []string{""} }, "--jwt-audience", "empty"},
		"keys by ftp":              {secret, func(c *Config) { c.JWTJWKS = "ftp://x/y" }, "--jwt-jwks", "ftp"},
		"too many failures":        {autoban, func(c *Config) { c.AutobanFailures = 256 }, "--autoban-failures", "255"},
		"negative failures":        {autoban, func(c *Config) { c.AutobanFailures = -1 }, "--autoban-failures", "-1"},
		"a short window":           {autoban, func(c *Config) { c.AutobanWindow = time.Millisecond }, "--autoban-window", "1ms"},
		"a short ban":              {autoban, func(c *Config) { c.AutobanFor = 0 }, "--autoban-for", "1s"},
		"an unknown scope":         {autoban, func(c *Config) { c.AutobanScope = "world" }, "--autoban-scope", "world"},
		"no status":                {autoban, func(c *Config) { c.AutobanStatuses = []string{"4xx"} }, "--autoban-statuses", "4xx"},
		"a status of none":         {nil, func(c *Config) { c.AutobanStatuses = []string{"600"} }, "--autoban-statuses", "600"},
	} {
		cfg := defaultConfig(t)
		deps := Deps{Logger: slog.New(slog.DiscardHandler)}
		if row.given != nil {
			row.given(&cfg)
			if _, err := New(cfg, deps); err != nil {
				t.Errorf("%s: without the mistake: %v", name, err)
			}
		}
		row.change(&cfg)
		_, err := New(cfg, deps)
		if err == nil || !strings.HasPrefix(err.Error(), row.flag) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want a line on %s with %s", name, err, row.flag, row.says)
		}
	}
}

// A bad file of keys ends the start, before anything listens.
func TestBadKeysEndTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	short, none := filepath.Join(dir, "short"), filepath.Join(dir, "none")
	if err := os.WriteFile(short, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, set := range map[string]func(*Config){
		"--jwt-jwks " + short:        func(c *Config) { c.JWTJWKS = short },
		"--jwt-secret-file " + short: func(c *Config) { c.JWTSecretFile = short },
		"--jwt-secret-file " + none:  func(c *Config) { c.JWTSecretFile = none },
	} {
		cfg := defaultConfig(t)
		cfg.Origin, cfg.Listen, cfg.AdminListen, cfg.DataDir, cfg.JWT = "http://127.0.0.1:1", "127.0.0.1:0", "127.0.0.1:0", t.TempDir(), "required"
		set(&cfg)
		edge, err := New(cfg, Deps{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := edge.Open(t.Context()); err == nil || !strings.HasPrefix(err.Error(), flag) || edge.trafficListener != nil {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
