package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/internal/config"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md from the settings")

// referencePath is the page, seen from this folder.
const referencePath = "../../docs/configuration.md"

const referenceIntro = `# Configuration

<!-- Generated from the settings themselves: go test ./cmd/ringcast -run Reference -update -->

Every setting below has a flag, an environment variable and a key in a YAML file, which ` + "`--config`" + ` names. The first of these that has the
setting decides:

1. the flag,
2. the variable; one that is empty counts as not set,
3. the file,
4. the variable of the original sketch, where there is one: ` + "`PORT`" + ` holds a bare port number and stands for ` + "`localhost:<port>`" + `,
5. the default.

| kind | form |
| --- | --- |
| ADDRESS | ` + "`host:port`" + `. ` + "`localhost`" + ` is 127.0.0.1 and [::1], without a host (` + "`:4000`" + `) it is every address of the machine |
| SIZE | a number of bytes, or with a unit: KB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB of 1024 |
| duration | a number with its unit, such as ` + "`90s`, `24h` or `1h30m`" + ` |
| repeatable | use the flag several times, separate by commas, or write a YAML list; a list from one source replaces that of another as a whole |

A file is one flat mapping; an unknown key, a repeated one or one without a value is refused:

` + "```yaml" + `
# ringcast edge --config edge.yaml
origin: http://localhost:8080
control: [http://control-1:4000, http://control-2:4000]
cache-max-bytes: 1GiB
` + "```" + `

A variable is named after its flag alone. Where a control plane and an edge share an environment, ` + "`RINGCAST_DATA_DIR` and `PORT`" + ` would mean both of
them: use flags or files there.
`

const verbsIntro = `
## Verbs

` + "`ban`, `unban`, `bans`, `allow`, `unallow`, `allows`, `check`, `revoke`, `restore`, `revocations`, `invalidate`, `preload`, `publish`, `apply`, `audit`, `edges`, `forget` and `status`" + ` have the settings below, ` + "`healthcheck`" + ` the
first three of them. What only concerns one mutation (` + "`--reason`, `--ttl`, `--request-id`, `--wait`" + ` and the like) is a flag alone, without a variable:
` + "`ringcast VERB --help`" + ` lists it.

`

// TestReferenceIsCurrent fails when the page is not what the settings say.
func TestReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	want := reference(t)
	if *update {
		if err := os.WriteFile(referencePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration.md is out of date; run go test ./cmd/ringcast -run Reference -update (-want +got):\n%s", diff)
	}
}

// reference writes the page.
func reference(t *testing.T) string {
	t.Helper()
	var page strings.Builder
	page.WriteString(referenceIntro)
	for _, section := range []struct {
		before, title string
		settings      any
	}{
		{"\n", "ringcast control", new(controlConfig)},
		{"\n", "ringcast edge", new(edgeConfig)},
		{"\n", "ringcast demo", new(demoConfig)},
		{verbsIntro + "#", "Shared by the verbs", new(verbSettings)},
		{"\n#", "ringcast tail", new(tailSettings)},
	} {
		page.WriteString(section.before)
		if err := config.Reference(&page, section.title, section.settings); err != nil {
			t.Fatalf("%s: %v", section.title, err)
		}
	}
	return page.String()
}
