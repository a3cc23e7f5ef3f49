package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSmoke runs every benchmark at a tiny size. Its figures mean nothing; what it
// shows is that they still run, and that the answers that they look at are right.
func TestSmoke(t *testing.T) {
	t.Parallel()
	ringcast := filepath.Join(t.TempDir(), "ringcast")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", ringcast, product).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
	chart := filepath.Join(t.TempDir(), "network.svg")
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"append --rounds 1 --callers 4 --time 100ms --calls 200", []string{"Log.Append, 4 callers", "bare SQLite"}},
		{"check --rounds 2 --bans 3000 --clients 100 --lookups 1000 --gets 100", []string{"3,000 bans", "edge, address to answer", redisLine(t)}},
		{"replay --rounds 1 --bans 3000 --binary " + ringcast, []string{"3,001 bans", "0 wrong", "CPU time"}},
		{"restart --rounds 1 --bans 3000 --binary " + ringcast, []string{"3,001 bans", "after SIGKILL", "0 wrong"}},
		{"propagate --rate 20 --time 500ms --binary " + ringcast, []string{"10 bans, 20 a second", "first refusal"}},
		{
			"gates --rounds 1 --bans 3000 --revocations 3000 --clients 100 --tokens 10 --requests 1000 --verifications 20",
			[]string{"3,000 bans, 3,000 revocations", "remembered tokens, 10 in turn, behind a trusted proxy", "ES256 verified", "bans of IPv6 networks"},
		},
		{"import --rounds 1 --bans 3000 --edges 2 --samples 100 --binary " + ringcast, []string{"3,000 addresses, 2 edges", "2 × 100", "0 wrong"}},
		{
			"fleet --edges 5 --bans 3 --rounds 1 --real 2 --real-bans 3 --known 50 --time 100ms --binary " + ringcast,
			[]string{"5 simulated edges", "confirmed by all", "2 real edges, 3 bans", "did not refuse | 0 of 6", "50 known edges", syncLine(t)},
		},
		{
			"network --rounds 1 --bans 1 --down 100ms --svg " + chart + " --binary " + ringcast,
			[]string{"1 bans, 1 cuts of 100ms", "no delay", "80 ± 40 ms", "1 Mbit/s"},
		},
		{"resume --rounds 1 --behind 300 --resumes 20", []string{"inside the ring", "0 reads: met"}},
	} {
		name, _, _ := strings.Cut(tt.line, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(tt.line), "--dir", t.TempDir(), "--timeout", "2m")
			var out, errOut bytes.Buffer
			if code := run(args, &out, &errOut); code != 0 {
				t.Fatalf("exit code %d\n%s", code, errOut.String())
			}
			for _, want := range append(tt.want, "$ ringcast-bench "+tt.line) {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
			if left, _ := filepath.Glob(filepath.Join(args[len(args)-3], "*")); len(left) > 0 {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}

// redisLine is what the check says, by whether there is a Redis to compare with.
func redisLine(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Log("redis-server is not installed: nothing is compared with it")
		return "is not installed: nothing to compare with"
	}
	return "redis-server, GET on one connection"
}

// syncLine is what fleet says, by whether there is a strace to count with.
func syncLine(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Log("strace is not installed: fsyncs are not counted")
		return "fsyncs are not counted"
	}
	return "| 0: met"
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"nonsense":                        "unknown command",
		"append --rounds 0 --time 1ms":    "nothing to measure",
		"propagate --rate 0":              "want 1 to",
		"gates --bans 0":                  "nothing to measure",
		"fleet --edges 0":                 "nothing to measure",
		"network --bans 0":                "nothing to measure",
		"import --samples 2 --bans 1":     "nothing to measure",
		"replay --binary /does/not/exist": "/does/not/exist",
	} {
		var out, errOut bytes.Buffer
		args := append(strings.Fields(line), "--dir", t.TempDir())
		if code := run(args, &out, &errOut); code != 1 || !strings.Contains(errOut.String(), want) || out.Len() > 0 {
			t.Errorf("%s: exit code %d, output %q, errors %q", line, code, out.String(), errOut.String())
		}
	}
}
