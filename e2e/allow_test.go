package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestVerbsForAllowEntries: allow, list, check, ban what is allowed, remove.
func TestVerbsForAllowEntries(t *testing.T) {
	t.Parallel()
	control := startControl(t)
	c := startCLI(t, control)
	epoch := control.status().GetEpoch()
	c.says([]string{"allow", "::ffff:203.0.113.0/120", "--reason", "office", "--ttl", "1h"}, "203.0.113.0", epoch+"-1")
	c.says([]string{"allow", "2001:db8::/32", "192.0.2.1"}, "2001:db8::/32", epoch+"-3")
	var listed struct {
		Allows []struct {
			IP        string
			Reason    string
			ExpiresAt string `json:"expires_at"`
			Position  string
		}
		Next *string `json:"next_page_token"`
	}
	c.object(&listed, "allows")
	if len(listed.Allows) != 3 || listed.Next == nil || listed.Allows[1].IP != "2001:db8::/32" ||
		listed.Allows[2].Reason != "office" || listed.Allows[2].ExpiresAt == "" || listed.Allows[2].Position != "1" {
		t.Errorf("allow entries are %+v", listed)
	}
	c.says([]string{"allows"}, "203.0.113.0/24", "office")
	if got := c.run(exitDone, "allows", "-o", "jsonl").out; strings.Count(got, "\n") != 3 || !strings.HasPrefix(got, `{"ip":"192.0.2.1"`) {
		t.Errorf("allows -o jsonl prints\n%s", got)
	}

	got := c.run(exitError, "ban", "203.0.113.7")
	if !strings.Contains(got.err, "the entry of 203.0.113.0/24") || !strings.Contains(got.err, "ADDRESS_ALLOWED") {
		t.Errorf("ban of an allowed address says %s", got.err)
	}
	if head := control.status().GetHead(); head != 3 {
		t.Errorf("the refused ban was written: head %d", head)
	}
	c.says([]string{"ban", "203.0.113.7", "--override", "--reason", "waits"}, epoch+"-4")
	c.says([]string{"ban", "203.0.112.0/23"}, epoch+"-5")
	c.says([]string{"check", "203.0.113.7"}, "allowed", "203.0.113.0/24", "office", "ban without effect", "waits")
	c.says([]string{"check", "203.0.112.7"}, "banned", "203.0.112.0/23")
	c.says([]string{"unban", "203.0.113.7"}, epoch+"-6")
	c.says([]string{"check", "203.0.113.7"}, "allowed", "203.0.112.0/23")

	c.says([]string{"unallow", "203.0.113.0/24", "192.0.2.1"}, epoch+"-8")
	c.says([]string{"check", "203.0.113.7"}, "banned", "203.0.112.0/23")
	c.says([]string{"status"}, "allow entries   1")
	c.run(exitError, "allow", "10.0.0.1/8")
	c.run(exitUsage, "allow")
	c.run(exitUsage, "unallow")
}

// TestAllowEntriesByCurl: the routes, with addresses as curl sends them.
func TestAllowEntriesByCurl(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	for path, ip := range map[string]string{
		"/::1": "::1", "/2001:db8::/32": "2001:db8::/32", "/10.0.0.0%2F8": "10.0.0.0/8", "?ip=192.0.2.1": "192.0.2.1",
	} {
		if a := curl(t, "-X", "POST", c.url+"/v1/allows", "-d", `{"ip":"`+ip+`","reason":"curl"}`); a.code != http.StatusOK {
			t.Fatalf("allow %s: %s", ip, a)
		}
		isRefusal(t, "ban "+ip, curl(t, "-X", "POST", c.url+"/ban/ip", "-d", `{"ip":"`+ip+`"}`), http.StatusBadRequest)
		if a := curl(t, c.url+"/v1/allows"); a.code != http.StatusOK || !strings.Contains(a.body, `"ip":"`+ip+`"`) {
			t.Errorf("list: %s", a)
		}
		if a := curl(t, "-X", "DELETE", c.url+"/v1/allows"+path); a.code != http.StatusOK {
			t.Errorf("DELETE %s: %s", path, a)
		}
	}
	for _, path := range []string{"", "/", "/nonsense"} {
		a := curl(t, "-X", "DELETE", c.url+"/v1/allows"+path)
		isRefusal(t, "DELETE "+path, a, http.StatusBadRequest)
		if !strings.Contains(a.body, "INVALID_IP") {
			t.Errorf("DELETE %s: %s", path, a)
		}
	}
	if a := curl(t, c.url+"/v1/allows"); a.body != `{"allows":[],"next_page_token":""}` {
		t.Errorf("in the end: %s", a)
	}
}

// TestStreamOfAllowEntries: both events as they happen, and the live entries alone
// in a whole state.
func TestStreamOfAllowEntries(t *testing.T) {
	t.Parallel()
	control := startControl(t)
	c := startCLI(t, control)
	s := openStream(t, control.url, "")
	s.until("synced")
	c.run(exitDone, "allow", "192.0.2.1", "--reason", "office")
	c.run(exitDone, "allow", "2001:db8::/32", "--ttl", "1h")
	c.run(exitDone, "unallow", "192.0.2.1")
	c.run(exitDone, "unban", "2001:db8::/32")
	var got []frame
	for range 4 {
		got = append(got, s.next())
	}
	for n, want := range []struct{ event, data string }{
		{"ip_allowed", `{"ip":"192.0.2.1","reason":"office","timestamp":`},
		{"ip_allowed", `{"ip":"2001:db8::/32","reason":"","expires_at":`},
		{"ip_allow_removed", `{"ip":"192.0.2.1","timestamp":`},
		{"ip_unbanned", `{"ip":"2001:db8::/32","timestamp":`},
	} {
		if f := got[n]; f.event != want.event || !strings.HasPrefix(f.data, want.data) || f.position(t) != uint64(n+1) {
			t.Errorf("frame %d is %+v, want %s %s", n+1, f, want.event, want.data)
		}
	}
	whole := events(poll(t, control.url, ""))
	if len(whole) != 1 || whole[0].event != "ip_allowed" || whole[0].position(t) != 2 {
		t.Errorf("the whole state is %+v", whole)
	}
}

// TestMaxTokenLife: a revocation without a ttl ends with the tokens that it names.
func TestMaxTokenLife(t *testing.T) {
	t.Parallel()
	c := startCLI(t, startControl(t, "--max-token-life", "1h"))
	c.run(exitDone, "revoke", "--jti", "a")
	c.run(exitDone, "revoke", "--subject", "b")
	c.run(exitDone, "revoke", "--jti", "c", "--ttl", "10h")
	var listed struct {
		Revocations []struct {
			ExpiresAt string `json:"expires_at"`
		}
	}
	c.object(&listed, "revocations")
	if len(listed.Revocations) != 3 {
		t.Fatalf("%+v", listed)
	}
	c.says([]string{"revocations"}, "in 59m", "in 9h59m")
	for _, r := range listed.Revocations {
		if r.ExpiresAt == "" {
			t.Errorf("a revocation has no end: %+v", listed)
		}
	}
	if got := ringcast(t, nil, "control", "--max-token-life", "-1s"); got.code != exitUsage || !strings.Contains(got.err, "--max-token-life") {
		t.Errorf("a life below 0: %d %s", got.code, got.err)
	}
}
