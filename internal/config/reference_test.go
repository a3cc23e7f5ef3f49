package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/ringcast/ringcast/internal/config"
)

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
		"--factor number        how many times [env RINGCAST_FACTOR] (default 2)\n",
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
