package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

const batchFile = `
- ban_ip: {ip: 127.0.0.1, reason: batch, ttl: 1h}
- ban_ip: {ip: 192.0.2.0/24}
- revoke_token: {jti: stolen}
- invalidate: {tags: [post:1]}
`

// TestApply has a file of mutations in force on three edges, and one of which a
// mutation is refused write nothing. The same request id gives the first answer even
// after the control plane was killed.
func TestApply(t *testing.T) {
	t.Parallel()
	site := startOrigin(t)
	control := startControl(t)
	var edges []*edge
	for range 3 {
		edges = append(edges, startEdge(t, site.URL, control.url))
	}
	for _, e := range edges {
		e.reaches(0)
		if a := e.get("/"); a.code != http.StatusOK {
			t.Fatalf("before: %s", a)
		}
	}
	c := startCLI(t, control)
	file := filepath.Join(t.TempDir(), "mutations.yaml")

	writeFile(t, file, batchFile+"- ban_ip: {ip: 10.0.0.1/8}\n")
	if r := c.run(exitError, "apply", "-f", file, "--request-id", "deploy"); !strings.Contains(r.err, "mutations[4] (line 6): ip: ") || !strings.Contains(r.err, "INVALID_IP") {
		t.Errorf("refused: %s", r.err)
	}
	writeFile(t, file, batchFile+"- unban_ip: {ip: 127.0.0.1}\n")
	if r := c.run(exitError, "apply", "-f", file, "--request-id", "deploy"); !strings.Contains(r.err, "REPEATED_ENTITY") {
		t.Errorf("refused: %s", r.err)
	}
	if head := control.status().GetHead(); head != 0 {
		t.Fatalf("refused batches moved the head to %d", head)
	}

	writeFile(t, file, batchFile)
	first := c.run(exitDone, "apply", "-f", file, "--request-id", "deploy")
	if !strings.HasPrefix(first.out, "applied 4 mutations at ") || !strings.HasSuffix(first.out, "-4\n") {
		t.Errorf("applied: %s", first.out)
	}
	for _, e := range edges {
		if status := e.reaches(4); status.AppliedEvents < 4 {
			t.Errorf("edge has %+v", status)
		}
		if a := e.get("/"); a.code != http.StatusForbidden || !strings.Contains(a.body, "batch") {
			t.Errorf("banned: %s", a)
		}
	}
	if r := must[*ringcastv1.CheckTokenResponse](t)(control.tokens.CheckToken(control.deadline(), &ringcastv1.CheckTokenRequest{Jti: "stolen"})); !r.GetRevoked() {
		t.Error("the token is not revoked")
	}
	open := 0
	for _, f := range poll(t, control.url, "0") {
		switch f.event {
		case "ip_banned", "token_revoked", "cache_invalidated":
			if open++; (f.id != "") != (open == 4) {
				t.Errorf("frame %d of the batch has the id %q", open, f.id)
			}
		}
	}

	control.kill()
	control.start(t)
	if again := startCLI(t, control).run(exitDone, "apply", "-f", file, "--request-id", "deploy"); again.out != first.out {
		t.Errorf("repeated: %s, at first %s", again.out, first.out)
	}
	if head := control.status().GetHead(); head != 4 {
		t.Errorf("the repeat moved the head to %d", head)
	}
}
