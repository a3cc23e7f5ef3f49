package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/ringcast/ringcast/internal/config"
)

func TestSourcesSetEveryType(t *testing.T) {
	t.Parallel()
	full := settings{
		listenSettings: listenSettings{Listen: ":1"}, NodeID: "e", Output: "json", Insecure: true, RingSize: 2, Most: 3, Factor: 1.5,
		RingBytes: 4000, Heartbeat: time.Minute, Control: []string{"http://c", "http://d"},
		Trusted: prefixes("10.0.0.0/8", "::1/128", "192.0.2.1/32"),
	}
	for name, test := range map[string]struct {
		from sources
		want settings
	}{
		"defaults": {sources{}, defaults()},
		"flags": {sources{args: []string{
			"--http-listen=:1", "--node-id", "e", "-o", "json", "--insecure", "--ring-size=2", "--most=3", "--factor=1.5", "--ring-bytes=4kb", "--heartbeat=1m",
			"--control=http://c", "--control=http://d", "--trusted-proxy=10.0.0.0/8, ::1", "--trusted-proxy=192.0.2.1",
		}}, full},
		"variables": {sources{env: map[string]string{
			"RINGCAST_HTTP_LISTEN": ":1", "RINGCAST_NODE_ID": "e", "RINGCAST_OUTPUT": "json", "RINGCAST_INSECURE": "true",
			"RINGCAST_RING_SIZE": "2", "RINGCAST_MOST": "3", "RINGCAST_FACTOR": "15e-1", "RINGCAST_RING_BYTES": "4000", "RINGCAST_HEARTBEAT": "60s",
			"RINGCAST_CONTROL": "http://c, http://d,", "RINGCAST_TRUSTED_PROXY": "10.0.0.0/8,::1,192.0.2.1/32",
		}}, full},
		"file": {sources{file: `
http-listen: ":1"
node-id: &id e
output: json
insecure: true
ring-size: 2
most: "3"
factor: 1.5
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
