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

func TestSourcesSetEveryType(t *testing.T) {
	t.Parallel()
	full := settings{
		listenSettings: listenSettings{Listen: ":1"}, NodeID: "e", Output: "json", Insecure: true, RingSize: 2, Most: 3,
		RingBytes: 4000, Heartbeat: time.Minute, Control: []string{"http://c", "http://d"},
		Trusted: prefixes("10.0.0.0/8", "::1/128", "192.0.2.1/32"),
	}
	for name, test := range map[string]struct {
		from sources
		want settings
	}{
		"defaults": {sources{}, defaults()},
		"flags": {sources{args: []string{
			"--http-listen=:1", "--node-id", "e", "-o", "json", "--insecure", "--ring-size=2", "--most=3", "--ring-bytes=4kb", "--heartbeat=1m",
			"--control=http://c", "--control=http://d", "--trusted-proxy=10.0.0.0/8, ::1", "--trusted-proxy=192.0.2.1",
		}}, full},
		"variables": {sources{env: map[string]string{
			"RINGCAST_HTTP_LISTEN": ":1", "RINGCAST_NODE_ID": "e", "RINGCAST_OUTPUT": "json", "RINGCAST_INSECURE": "true",
			"RINGCAST_RING_SIZE": "2", "RINGCAST_MOST": "3", "RINGCAST_RING_BYTES": "4000", "RINGCAST_HEARTBEAT": "60s",
			"RINGCAST_CONTROL": "http://c, http://d,", "RINGCAST_TRUSTED_PROXY": "10.0.0.0/8,::1,192.0.2.1/32",
		}}, full},
		"file": {sources{file: `
http-listen: ":1"
node-id: &id e
output: json
insecure: true
ring-size: 2
most: "3"
ring-bytes: 4KB
heartbeat: 1m
control: [http://c, http://d]
trusted-proxy:
  - 10.0.0.0/8
  - ::1
  - 192.0.2.1
`}, full},
		"empty file":         {sources{file: "# nothing\n"}, defaults()},
		"null file":          {sources{file: "---\n~\n"}, defaults()},
		"text for a list":    {sources{file: "control: http://c,http://d"}, changed(func(s *settings) { s.Control = full.Control })},
		"empty list":         {sources{file: "control: []"}, changed(func(s *settings) { s.Control = nil })},
		"empty list by flag": {sources{args: []string{"--control="}}, changed(func(s *settings) { s.Control = nil })},
		"bool off":           {sources{args: []string{"--insecure=false"}, file: "insecure: true"}, defaults()},
		"empty variable":     {sources{env: map[string]string{"RINGCAST_RING_SIZE": "", "PORT": ""}}, defaults()},
		"sketch":             {sources{env: map[string]string{"NODE_ID": "n"}}, changed(func(s *settings) { s.NodeID = "n" })},
		"sketch port":        {sources{env: map[string]string{"PORT": "5001"}}, changed(func(s *settings) { s.Listen = "localhost:5001" })},
		"idle sketch": {
			sources{env: map[string]string{"PORT": "tcp://10.0.0.1", "RINGCAST_HTTP_LISTEN": ":2"}},
			changed(func(s *settings) { s.Listen = ":2" }),
		},
		"alias": {sources{file: "node-id: &x edge\noutput: *x"}, changed(func(s *settings) { s.NodeID, s.Output = "edge", "edge" })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.from.load(t)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, comparers...); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

var comparers = []cmp.Option{
	cmp.AllowUnexported(settings{}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b []string) bool { return strings.Join(a, ",") == strings.Join(b, ",") }),
}

func TestErrorsNameTheirSource(t *testing.T) {
	t.Parallel()
	env := func(name, text string) sources { return sources{env: map[string]string{name: text}} }
	for name, test := range map[string]struct {
		from sources
		want []string
	}{
		"flag":            {sources{args: []string{"--ring-size=x"}}, []string{`"x" for "--ring-size" flag: want a whole number`}},
		"variable":        {env("RINGCAST_RING_SIZE", "x"), []string{`variable RINGCAST_RING_SIZE: "x": want a whole number`}},
		"negative size":   {env("RINGCAST_RING_BYTES", "-1"), []string{`variable RINGCAST_RING_BYTES: "-1": want a size`}},
		"no unit":         {env("RINGCAST_HEARTBEAT", "15"), []string{`variable RINGCAST_HEARTBEAT: "15": want a duration with its unit`}},
		"bool":            {env("RINGCAST_INSECURE", "on"), []string{`want true or false`}},
		"host bits":       {env("RINGCAST_TRUSTED_PROXY", "10.0.0.1/8"), []string{"10.0.0.0/8?"}},
		"mapped":          {env("RINGCAST_TRUSTED_PROXY", "::ffff:10.0.0.1"), []string{"write it as IPv4"}},
		"zone":            {env("RINGCAST_TRUSTED_PROXY", "fe80::1%eth0"), []string{"neither a CIDR prefix nor an address"}},
		"sketch port":     {env("PORT", ":5001"), []string{`variable PORT: ":5001": want a port number`}},
		"sketch port 0":   {env("PORT", "0"), []string{`want a port number`}},
		"absent file":     {env("RINGCAST_CONFIG", "/nowhere/x.yaml"), []string{"read settings", "/nowhere/x.yaml: no such file"}},
		"file":            {sources{file: "ring-size: 2\nheartbeat: soon"}, []string{"ringcast.yaml, line 2, key heartbeat: \"soon\": want a duration"}},
		"file, no value":  {sources{file: "node-id:"}, []string{"line 1, key node-id: has no value"}},
		"file, repeated":  {sources{file: "node-id: a\nnode-id: b"}, []string{"line 2, key node-id: the key is there twice"}},
		"file, list":      {sources{file: "node-id: [a]"}, []string{"key node-id: want one value, not a list"}},
		"file, map":       {sources{file: "control: {a: b}"}, []string{"key control: want a value, or a list"}},
		"file, nested":    {sources{file: "control: [[a]]"}, []string{"key control: want a value, or a list"}},
		"file, element":   {sources{file: "trusted-proxy: [10.0.0.0/8, x]"}, []string{`key trusted-proxy: "x" is neither`}},
		"file, sequence":  {sources{file: "- node-id: a"}, []string{"ringcast.yaml: line 1: want keys with values"}},
		"file, no YAML":   {sources{file: "a: b: c"}, []string{"ringcast.yaml: yaml: mapping values"}},
		"file, documents": {sources{file: "node-id: a\n---\nnode-id: b"}, []string{"want one YAML document"}},
		"file, itself":    {sources{file: "config: x"}, []string{"key config: no setting has this name"}},
		"file, all of them": {
			sources{file: "nodeid: a\n\nRING-SIZE: 1"},
			[]string{"line 1, key nodeid: no setting", "line 3, key RING-SIZE: no setting"},
		},
		"file, though the flag decides": {
			sources{args: []string{"--ring-size=1"}, file: "ring-size: x"},
			[]string{`key ring-size: "x": want a whole number`},
		},
		"several": {
			sources{env: map[string]string{"RINGCAST_MOST": "x", "RINGCAST_HEARTBEAT": "y"}},
			[]string{"RINGCAST_MOST", "RINGCAST_HEARTBEAT"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.from.load(t)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}

func TestLoadAgainReadsAnew(t *testing.T) {
	t.Parallel()
	cfg := settings{NodeID: "host"}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	binding, err := config.Bind(flags, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		env  map[string]string
		want string
	}{{nil, "host"}, {map[string]string{"RINGCAST_NODE_ID": "e"}, "e"}, {nil, "host"}} {
		if err := binding.Load(lookup(step.env)); err != nil {
			t.Fatal(err)
		}
		if cfg.NodeID != step.want {
			t.Errorf("with %v: %q, want %q", step.env, cfg.NodeID, step.want)
		}
	}
}

func TestSetDefaults(t *testing.T) {
	t.Parallel()
	got := settings{NodeID: "host"}
	if err := config.SetDefaults(&got); err != nil {
		t.Fatal(err)
	}
	want := changed(func(s *settings) { s.NodeID = "host" })
	if diff := cmp.Diff(want, got, comparers...); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestBindRefusesBadStructs(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]any{
		"is not a pointer to a struct": settings{},
		"flag --a is there twice": &struct {
			A string `flag:"a" help:"x"`
			B string `flag:"a" help:"x"`
		}{},
		"flag --config is there twice": &struct {
			A string `flag:"config" help:"x"`
		}{},
		"needs the tags flag and help": &struct {
			A string `flag:"a"`
		}{},
		"is not exported": &struct {
			a string `flag:"a" help:"x"`
		}{a: ""},
		"has type float64": &struct {
			A float64 `flag:"a" help:"x"`
		}{},
		`default of --a: "x": want a whole number`: &struct {
			A int `flag:"a" help:"x" default:"x"`
		}{},
		`unknown form "host"`: &struct {
			A string `flag:"a" help:"x" sketch:"A,host"`
		}{},
	} {
		_, err := config.Bind(pflag.NewFlagSet("test", pflag.ContinueOnError), cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	if _, err := config.Bind(flags, new(settings)); err != nil {
		t.Fatal(err)
	}
	help := flags.FlagUsages()
	for _, want := range []string{
		"--http-listen text     address of REST and SSE [env RINGCAST_HTTP_LISTEN, PORT] (default localhost:4000)\n",
		"-o, --output text ",
		"--control URL ",
		"--config FILE ",
		"--insecure             accept the risk [env RINGCAST_INSECURE]\n",
		"most of them [env RINGCAST_MOST] (default 0)\n",
		"--heartbeat duration   time between heartbeats [env RINGCAST_HEARTBEAT] (default 15s)\n",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("%q is not in\n%s", want, help)
		}
	}
}

func TestReference(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	if err := config.Reference(&page, "ringcast edge", &settings{NodeID: "some-host"}); err != nil {
		t.Fatal(err)
	}
	want := "## ringcast edge\n\n" +
		"| flag | variable | file key | default | meaning |\n| --- | --- | --- | --- | --- |\n" +
		"| `--config` | `RINGCAST_CONFIG` |  |  | YAML file of settings; its keys are the flag names |\n" +
		"| `--http-listen` | `RINGCAST_HTTP_LISTEN`, `PORT` | `http-listen` | `localhost:4000` | address of REST and SSE |\n" +
		"| `--node-id` | `RINGCAST_NODE_ID`, `NODE_ID` | `node-id` |  | name of this edge |\n" +
		"| `-o`, `--output` | `RINGCAST_OUTPUT` | `output` | `table` | table\\|json\\|jsonl |\n"
	if diff := cmp.Diff(want, page.String()[:min(len(want), page.Len())]); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !strings.HasSuffix(page.String(), "| `--trusted-proxy` | `RINGCAST_TRUSTED_PROXY` | `trusted-proxy` |  | proxies (repeatable) |\n") {
		t.Errorf("last row: %s", page.String())
	}
}
