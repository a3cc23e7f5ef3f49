package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// cli runs verbs against one control plane.
type cli struct {
	t   *testing.T
	env []string
}

func startCLI(t *testing.T, c *control) *cli {
	return &cli{t: t, env: []string{"RINGCAST_SERVER=" + c.rpc, "RINGCAST_HTTP_SERVER=" + c.url}}
}

// run runs a verb, wants that exit code, and gives what it left.
func (c *cli) run(code int, args ...string) result {
	c.t.Helper()
	got := ringcast(c.t, c.env, args...)
	if got.code != code {
		c.t.Errorf("ringcast %s: exit code %d, want %d:\n%s%s", strings.Join(args, " "), got.code, code, got.out, got.err)
	}
	if (got.err != "") != (code != exitDone) {
		c.t.Errorf("ringcast %s: exit code %d, and on stderr %q", strings.Join(args, " "), got.code, got.err)
	}
	return got
}

// says checks that stdout has all the words.
func (c *cli) says(args []string, words ...string) {
	c.t.Helper()
	got := c.run(exitDone, args...)
	for _, word := range words {
		if !strings.Contains(got.out, word) {
			c.t.Errorf("ringcast %s prints\n%s\nand no %q", strings.Join(args, " "), got.out, word)
		}
	}
}

// object runs a verb with -o json and decodes what it prints.
func (c *cli) object(v any, args ...string) {
	c.t.Helper()
	got := c.run(exitDone, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(got.out), v); err != nil {
		c.t.Errorf("ringcast %s -o json prints %q: %v", strings.Join(args, " "), got.out, err)
	}
}

// TestVerbsForAddresses: ban, list, check and lift.
func TestVerbsForAddresses(t *testing.T) {
	t.Parallel()
	control := startControl(t)
	c := startCLI(t, control)
	epoch := control.status().GetEpoch()
	c.says([]string{"ban", "::ffff:192.0.2.1", "--reason", "abuse", "--ttl", "1h"}, "192.0.2.1", epoch+"-1")
	c.says([]string{"ban", "2001:db8::/32", "198.51.100.0/24"}, "2001:db8::/32", "198.51.100.0/24", epoch+"-3")

	var listed struct {
		Bans []struct {
			IP        string `json:"ip"`
			Reason    string `json:"reason"`
			CreatedAt string `json:"create_time"`
			ExpiresAt string `json:"expires_at"`
			Position  string `json:"position"`
		} `json:"bans"`
		Next *string `json:"next_page_token"`
	}
	c.object(&listed, "bans")
	if len(listed.Bans) != 3 || listed.Next == nil {
		t.Fatalf("bans are %+v", listed)
	}
	if b := listed.Bans[0]; b.IP != "192.0.2.1" || b.Reason != "abuse" || b.Position != "1" || b.CreatedAt == "" || b.ExpiresAt == "" {
		t.Errorf("the first ban is %+v", b)
	}
	c.says([]string{"bans"}, "192.0.2.1", "abuse", "2001:db8::/32")
	if got := c.run(exitDone, "bans", "-o", "jsonl").out; strings.Count(got, "\n") != 3 || !strings.HasPrefix(got, `{"ip":"192.0.2.1"`) {
		t.Errorf("bans -o jsonl prints\n%s", got)
	}

	var checked struct {
		Banned bool `json:"banned"`
		Ban    *struct{ IP string }
	}
	c.object(&checked, "check", "198.51.100.7")
	if !checked.Banned || checked.Ban.IP != "198.51.100.0/24" {
		t.Errorf("check gives %+v", checked)
	}
	c.says([]string{"unban", "2001:db8::/32", "192.0.2.1"}, epoch+"-5")
	c.says([]string{"check", "2001:db8::1"}, "not banned")

	var first, again struct{ Position, Epoch string }
	c.object(&first, "ban", "192.0.2.9", "--request-id", "once")
	c.object(&again, "ban", "192.0.2.9", "--request-id", "once")
	if first.Position != "6" || first.Epoch != epoch || first != again {
		t.Errorf("the same request id gives %+v, then %+v", first, again)
	}
	c.run(exitError, "ban", "192.0.2.10", "--request-id", "once")
}

// TestVerbsForTokens: revoke, list, check and restore.
func TestVerbsForTokens(t *testing.T) {
	t.Parallel()
	c := startCLI(t, startControl(t))
	file := filepath.Join(t.TempDir(), "token")
	writeFile(t, file, "raw-token\n")
	c.says([]string{"revoke", "--jti", "token-1", "--reason", "stolen", "--ttl", "24h"}, "token-1")
	c.says([]string{"revoke", "--subject", "user-7"}, "user-7")
	if got := c.run(exitDone, "revoke", "--token-file", file).out; strings.Contains(got, "raw-token") {
		t.Errorf("the raw token is shown: %s", got)
	}
	var listed struct {
		Revocations []struct {
			JTI, Subject string
			TokenHash    string `json:"token_hash"`
		}
	}
	c.object(&listed, "revocations")
	if len(listed.Revocations) != 3 {
		t.Errorf("revocations are %+v", listed)
	}
	c.says([]string{"revocations"}, "token-1", "stolen", "user-7")
	for _, args := range [][]string{{"--jti", "token-1"}, {"--subject", "user-7"}, {"--token-file", file}} {
		var checked struct{ Revoked bool }
		c.object(&checked, append([]string{"check"}, args...)...)
		if !checked.Revoked {
			t.Errorf("check %v: not revoked", args)
		}
		c.run(exitDone, append([]string{"restore"}, args...)...)
		c.object(&checked, append([]string{"check"}, args...)...)
		if checked.Revoked {
			t.Errorf("check %v: revoked although it was restored", args)
		}
	}
}

// TestVerbsForTheRest: read and invalidate, and ask for health.
func TestVerbsForTheRest(t *testing.T) {
	t.Parallel()
	control := startControl(t)
	e := startEdge(t, startOrigin(t).URL, control.url)
	e.reaches(0)
	c := startCLI(t, control)
	tailing := launch(t, "tail", c.env, "tail", "-o", "jsonl")
	eventually(t, "tail has subscribed", func() error {
		if got := control.status(); got.GetSubscribers() != 2 || got.GetEdgeSubscribers() != 1 {
			return fmt.Errorf("status %v", got)
		}
		return nil
	})
	c.says([]string{"invalidate", "--tag", "posts:*", "--key", "/news", "--soft"}, "-1")
	c.says([]string{"invalidate", "--all"}, "-2")
	e.reaches(2)

	var status struct {
		Version, Epoch, Head string
		Subscribers          int
	}
	c.object(&status, "status")
	if status.Version == "" || status.Epoch == "" || status.Head != "2" || status.Subscribers != 2 {
		t.Errorf("status is %+v", status)
	}
	c.says([]string{"status"}, status.Epoch)
	tails(t, tailing)
	c.says([]string{"tail", "--last-event-id", "0", "--no-follow"}, "cache_invalidated", "/news")

	c.run(exitDone, "healthcheck")
	c.run(exitDone, "healthcheck", "--url", e.admin+"/readyz")
	c.says([]string{"version"}, "ringcast")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		c.says([]string{"completion", shell}, "ringcast")
	}
	control.terminate()
	c.run(exitUnreachable, "healthcheck")
	c.run(exitDone, "healthcheck", "--url", e.admin+"/healthz")
}

// tails checks what a running tail printed, and that SIGTERM ends it well.
func tails(t *testing.T, tailing *process) {
	t.Helper()
	eventually(t, "tail prints both events", func() error {
		if got := strings.Count(tailing.out.String(), "\n"); got < 2 {
			return fmt.Errorf("%d lines", got)
		}
		return nil
	})
	lines := bufio.NewScanner(strings.NewReader(tailing.out.String()))
	for n := 1; n <= 2 && lines.Scan(); n++ {
		var printed struct{ Type, Position string }
		if err := json.Unmarshal(lines.Bytes(), &printed); err != nil || printed.Type != "cache_invalidated" || printed.Position != fmt.Sprint(n) {
			t.Errorf("line %d of tail is %s: %v", n, lines.Text(), err)
		}
	}
	if code := tailing.terminate(); code != exitDone {
		t.Errorf("tail ends with %d on SIGTERM", code)
	}
}

// TestExitCodesOfVerbs: 1 for a refusal, 2 for a mistake in the line, 5 where
// nobody answers.
func TestExitCodesOfVerbs(t *testing.T) {
	t.Parallel()
	control := startControl(t)
	c := startCLI(t, control)
	for _, bad := range []string{"1.2.3.4:80", "10.0.0.1/8", "nonsense", "0.0.0.0/0", "fe80::1%eth0"} {
		if got := c.run(exitError, "ban", bad); !strings.Contains(got.err, "INVALID_IP") {
			t.Errorf("ban %s says %s", bad, got.err)
		}
	}
	c.run(exitError, "ban", "192.0.2.1", "--reason", "two\nlines")
	c.run(exitError, "ban", "nonsense", "192.0.2.2") // and yet the second is banned
	if got := listBans(t, control.api, 10); len(got) != 1 || got[0].GetIp() != "192.0.2.2" {
		t.Errorf("after the refusals the bans are %v", got)
	}
	for _, args := range [][]string{
		{"ban"}, {"unban"}, {"ban", "192.0.2.1", "--no-such-flag"}, {"ban", "192.0.2.1", "--ttl", "soon"}, {"ban", "192.0.2.1", "--ttl", "-5s"},
		{"invalidate", "--tag", "a*b"}, {"bans", "extra"},
		{"bans", "-o", "xml"}, {"check"}, {"check", "192.0.2.1", "--jti", "a"}, {"revoke"}, {"revoke", "--jti", "a", "--subject", "b"},
		{"restore"}, {"invalidate"}, {"status", "extra"}, {"tail", "--last-event-id", "nonsense"}, {"bans", "--server", "no-port"},
	} {
		if got := c.run(exitUsage, args...); strings.Count(got.err, "\n") > 2 {
			t.Errorf("ringcast %s says more than a sentence:\n%s", strings.Join(args, " "), got.err)
		}
	}
	nobody := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	address := nobody.Addr().String()
	nobody.Close()
	for _, args := range [][]string{{"ban", "192.0.2.1"}, {"bans"}, {"status"}, {"check", "192.0.2.1"}, {"invalidate", "--all"}, {"healthcheck"}} {
		if got := c.run(exitUnreachable, append(args, "--server", address)...); !strings.Contains(got.err, address) {
			t.Errorf("ringcast %s says %s", strings.Join(args, " "), got.err)
		}
	}
	c.run(exitUnreachable, "tail", "--http-server", "http://"+address)
}
