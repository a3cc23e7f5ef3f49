package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/ringcast/ringcast/internal/config"
)

type listenSettings struct {
	Listen string `flag:"http-listen" default:"localhost:4000" help:"address of REST and SSE" sketch:"PORT,port"`
}

type settings struct {
	listenSettings
	NodeID    string         `flag:"node-id" help:"name of this edge" sketch:"NODE_ID"`
	Output    string         `flag:"output" short:"o" default:"table" help:"table|json|jsonl"`
	Insecure  bool           `flag:"insecure" help:"accept the risk"`
	RingSize  int            `flag:"ring-size" default:"10000" help:"units in memory"`
	Most      int64          `flag:"most" default:"0" help:"most of them"`
	Factor    float64        `flag:"factor" default:"2" help:"how many times"`
	RingBytes config.Bytes   `flag:"ring-bytes" default:"64MiB" help:"memory of the ring"`
	Heartbeat time.Duration  `flag:"heartbeat" default:"15s" help:"time between heartbeats"`
	Control   []string       `flag:"control" default:"http://a,http://b" value:"URL" help:"control planes"`
	Trusted   []netip.Prefix `flag:"trusted-proxy" help:"proxies"`
	Logger    any            `flag:"-"`
}

// sources are what a process is started with.
type sources struct {
	args []string
	env  map[string]string
	file string
}

func (s sources) load(t testing.TB) (settings, error) {
	t.Helper()
	var cfg settings
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	binding, err := config.Bind(flags, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s.file != "" {
		path := filepath.Join(t.TempDir(), "ringcast.yaml")
		if err := os.WriteFile(path, []byte(s.file), 0o600); err != nil {
			t.Fatal(err)
		}
		s.args = append(s.args, "--config", path)
	}
	if err := flags.Parse(s.args); err != nil {
		return cfg, err
	}
	return cfg, binding.Load(lookup(s.env))
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		text, ok := env[name]
		return text, ok
	}
}

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func defaults() settings {
	return settings{
		listenSettings: listenSettings{Listen: "localhost:4000"},
		Output:         "table",
		RingSize:       10000,
		Factor:         2,
		RingBytes:      64 << 20,
		Heartbeat:      15 * time.Second,
		Control:        []string{"http://a", "http://b"},
	}
}

func changed(change func(*settings)) settings {
	s := defaults()
	change(&s)
	return s
}

var comparers = []cmp.Option{
	cmp.AllowUnexported(settings{}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b []string) bool { return strings.Join(a, ",") == strings.Join(b, ",") }),
}
