package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestUsageErrorsReachNoServer(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"ban":                                    "give at least one address or prefix; see ringcast ban --help",
		"ban 192.0.2.1 --no-such-flag":           "unknown flag: --no-such-flag; see ringcast ban --help",
		"ban 192.0.2.1 --ttl 10":                 "invalid argument \"10\" for \"--ttl\" flag",
		"ban 192.0.2.1 --ttl 3d":                 "invalid argument \"3d\" for \"--ttl\" flag",
		"ban 192.0.2.1 -o yaml":                  "--output is \"yaml\"; it is one of table, json, jsonl",
		"ban 192.0.2.1 192.0.2.2 --request-id x": "--request-id stands for one mutation",
		"ban 192.0.2.1 --file x":                 "give addresses or --file, not both",
		"ban --file x --request-id y":            "an import has its --checkpoint",
		"ban 192.0.2.1 --checkpoint x":           "--checkpoint goes with --file",
		"ban --file x --ttl 1ms":                 "--ttl is 1ms",
		"allow":                                  "give at least one address or prefix; see ringcast allow --help",
		"allow 192.0.2.1 --ttl 0":                "--ttl is 0s",
		"unallow":                                "give at least one address or prefix",
		"allows extra":                           "takes no argument",
		"bans --export -o json":                  "--export has a format of its own",
		"ban 192.0.2.1 --wait=some":              "\"some\" for \"--wait\" flag: want all, live, a number of edges such as 3, or a part of them such as 90%; see",
		"ban 192.0.2.1 --wait=":                  "want all, live",
		"unban 192.0.2.1 --wait=0":               "want all, live",
		"allow 192.0.2.1 --wait=0%":              "want all, live",
		"unallow 192.0.2.1 --wait=101%":          "want all, live",
		"preload /a --wait=1.5":                  "want all, live",
		"revoke --jti a --wait=-1":               "want all, live",
		"restore --jti a --wait=4294967296":      "want all, live",
		"ban --file x --wait=5%%":                "want all, live",
		"apply -f x --wait 90%":                  "write --wait=90%, with an equals sign; see ringcast apply --help",
		"ban 192.0.2.1 --wait live":              "write --wait=live",
		"ban 192.0.2.1 --allow-no-edges":         "--allow-no-edges goes with --wait",
		"invalidate --all --wait --timeout 61m":  "--timeout is 1h1m0s; with --wait it is up to 1h",
		"bans --wait":                            "unknown flag: --wait",
		"check --jti x --everywhere":             "--everywhere is about an address",
		"edges a b":                              "give one name, or none",
		"edges --instance x":                     "--instance goes with a name",
		"edges a --limit 1":                      "--limit is for the list",
		"edges --limit -1":                       "--limit is -1",
		"forget":                                 "give the name of one edge; see ringcast forget --help",
		"forget a b":                             "give the name of one edge",
		"bans extra":                             "takes no argument",
		"bans --limit -1":                        "--limit is -1",
		"status --server localhost":              "--server is \"localhost\"",
		"status --server http://localhost:4001":  "a host and the gRPC port",
		"status --timeout 0s":                    "--timeout is 0s",
		"status --config /no/such/file":          "read settings",
		"check":                                  "give one address or prefix, or name a token",
		"check 192.0.2.1 --jti x":                "give one address or prefix, or name a token",
		"check 192.0.2.1 192.0.2.2":              "give one address or prefix, or name a token",
		"revoke":                                 "give exactly one of --jti, --subject, --token-file",
		"revoke --jti a --subject b":             "give exactly one of",
		"revoke --jti a secret":                  "in a file",
		"revoke --token secret":                  "unknown flag: --token",
		"restore --jti a --token-hash b":         "give exactly one of --jti, --subject, --token-file, --token-hash",
		"ban 192.0.2.1 --ttl -5s":                "--ttl is -5s; it is from 1s to 876600h (a hundred years), or left out for no end; see ringcast ban --help",
		"ban 192.0.2.1 --ttl 0":                  "--ttl is 0s; it is from 1s",
		"ban 192.0.2.1 --ttl 876601h":            "--ttl is 876601h0m0s; it is from 1s",
		"revoke --jti x --ttl 999ms":             "--ttl is 999ms; it is from 1s",
		"invalidate --tag a --tag a*b":           "--tag \"a*b\" has a * that is not at its end; see ringcast invalidate --help",
		"invalidate --tag=":                      "--tag is empty",
		"invalidate --key /a*b":                  "--key \"/a*b\" has a * that is not at its end",
		"invalidate --key *":                     "use --all",
		"invalidate --all --settle 61m":          "--settle is 1h1m0s; it is from 0s to 1h",
		"invalidate --all --settle -1s":          "--settle is -1s",
		"invalidate":                             "give --tag, --key or --all",
		"invalidate --all posts":                 "takes no argument",
		"preload":                                "give at least one path or URL; see ringcast preload --help",
		"preload /a --route /b":                  "unknown flag: --route",
		"tail --last-event-id x-y-z":             "--last-event-id is \"x-y-z\"",
		"tail --http-server localhost:4000":      "--http-server is \"localhost:4000\"",
		"healthcheck --url localhost":            "--url is \"localhost\"",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(line)
			if !strings.Contains(line, "--server") && args[0] != "tail" {
				args = append(args, "--server", "203.0.113.255:9")
			}
			ringcast(t, args...).want(t, exitUsage, "", want)
		})
	}
}

// Not parallel: it sets variables.
func TestVariablesSetSharedFlags(t *testing.T) {
	t.Setenv("RINGCAST_SERVER", new(fake).start(t))
	t.Setenv("RINGCAST_OUTPUT", "jsonl")
	ringcast(t, "ban", "192.0.2.1").want(t, exitDone, `{"ip":"192.0.2.1","position":"42","epoch":"7f3a9c"}`+"\n", "")
	ringcast(t, "ban", "192.0.2.1", "-o", "table").want(t, exitDone, "banned 192.0.2.1 at 7f3a9c-43\n", "")
	t.Setenv("RINGCAST_TIMEOUT", "soon")
	ringcast(t, "status").want(t, exitUsage, "", "variable RINGCAST_TIMEOUT")
}

// What is about one mutation is not taken from the environment, where it would
// meet them all.
func TestVariablesDoNotSetMutations(t *testing.T) {
	for name, value := range map[string]string{"RINGCAST_ALL": "true", "RINGCAST_TOKEN_FILE": "/no/such", "RINGCAST_REQUEST_ID": "x"} {
		t.Setenv(name, value)
	}
	ringcast(t, "invalidate").want(t, exitUsage, "", "select something")
	ringcast(t, "revoke").want(t, exitUsage, "", "exactly one of")
}

func TestEveryVerbIsDescribed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	example := regexp.MustCompile(`(?m)^  ringcast (\w+)`)
	for _, cmd := range adminCommands(&out, &out) {
		m := example.FindStringSubmatch(cmd.Example)
		if cmd.Short == "" || m == nil || m[1] != cmd.Name() {
			t.Errorf("%s: short %q, example %q", cmd.Name(), cmd.Short, cmd.Example)
		}
	}
}

func TestOutputIsCompleted(t *testing.T) {
	t.Parallel()
	ringcast(t, "__complete", "bans", "-o", "").want(t, exitDone, "table\njson\njsonl\n:4", "Completion ended")
	ringcast(t, "__complete", "ban", "--wait=").want(t, exitDone, "all\nlive\n:4", "Completion ended")
}
