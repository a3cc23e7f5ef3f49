package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// blocks gives the code blocks of a language in a document, those under a heading alone.
func blocks(t *testing.T, document, heading, language string) []string {
	t.Helper()
	text := string(must[[]byte](t)(os.ReadFile(filepath.Join("..", "docs", document))))
	_, text, found := strings.Cut(text, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no %q", document, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var list []string
	for _, match := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		list = append(list, match[1])
	}
	if len(list) == 0 {
		t.Fatalf("%s has no %s under %q", document, language, heading)
	}
	return list
}

// script runs a recipe as its reader would, and gives its exit code and what it wrote.
func script(t *testing.T, env []string, shell string, args ...string) (code int, text string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell, args...)
	cmd.Env = append([]string{"PATH=" + toolPath(t) + ":" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "NO_PROXY=*"}, env...)
	out, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("%s: %v", shell, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// toolPath is a folder with the programs that recipes call: ringcast, and on a machine
// without curl this one in its place.
func toolPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	tools := map[string]string{"ringcast": binary}
	if _, err := exec.LookPath("curl"); err != nil {
		tools["curl"] = must[string](t)(os.Executable())
	}
	for name, target := range tools {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fleetOfTwo is a control plane with two edges, of which one can be cut off.
func fleetOfTwo(t *testing.T) (c *control, far *door) {
	t.Helper()
	c, origin := startControl(t), startOrigin(t)
	far = openDoor(t, c.httpAddress())
	startEdge(t, origin.URL, c.url, "--node-id", "edge-near").reaches(0)
	startEdge(t, origin.URL, far.url(), "--node-id", "edge-far").reaches(0)
	c.knows("edge-far live", "edge-near live")
	return c, far
}

// releases answers with an old release once, and then with the new one.
func releases(t *testing.T, release string) string {
	t.Helper()
	var first sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text := release
		first.Do(func() { text = "an older one" })
		_, _ = fmt.Fprintln(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestWorkflow runs the steps of the GitHub workflow one after the other, as a runner
// does.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	if err := yaml.Unmarshal([]byte(blocks(t, "ci.md", "GitHub Actions", "yaml")[0]), &workflow); err != nil {
		t.Fatal(err)
	}
	run := func(c *control, release string) (code int, text string) {
		env := []string{"RINGCAST_SERVER=" + c.rpc, "HEALTH_URL=" + releases(t, release), "RELEASE=" + release}
		for _, step := range workflow.Jobs["invalidate"].Steps {
			// A minute for an edge that is cut off is what the document says, and too long here.
			if code, text = script(t, env, "bash", "-e", "-c", strings.ReplaceAll(step.Run, "60s", "2s")); code != 0 {
				return code, step.Name + ": " + text
			}
		}
		return code, text
	}
	checkRecipe(t, run)
}

// TestShellRecipe runs the version without a runner and without ringcast.
func TestShellRecipe(t *testing.T) {
	t.Parallel()
	recipe := strings.ReplaceAll(blocks(t, "ci.md", "Shell and curl", "sh")[0], "60s", "2s")
	checkRecipe(t, func(c *control, release string) (int, string) {
		env := []string{"CONTROL=" + c.url, "HEALTH_URL=" + releases(t, release)}
		return script(t, env, "sh", "-c", recipe, "invalidate.sh", release)
	})
}

// checkRecipe wants a deploy to pass, to change nothing when it is repeated, and to fail
// with the name of an edge that is cut off.
func checkRecipe(t *testing.T, run func(c *control, release string) (code int, text string)) {
	t.Helper()
	c, far := fleetOfTwo(t)
	head := c.status().GetHead()
	for range 2 {
		if code, text := run(c, "7f3a9c"); code != 0 {
			t.Errorf("exit code %d: %s", code, text)
		}
	}
	if now := c.status().GetHead(); now != head+1 {
		t.Errorf("%d events of one deploy", now-head)
	}
	far.shut()
	c.knows("edge-far unreachable", "edge-near live")
	if code, text := run(c, "8b2e10"); code != 3 || !strings.Contains(text, "edge-far") || strings.Contains(text, "edge-near") {
		t.Errorf("exit code %d: %s", code, text)
	}
}

// TestClientRecipes runs what docs/clients.md shows, and looks for each in the audit.
func TestClientRecipes(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	startEdge(t, origin.URL, c.url, "--node-id", "edge").reaches(0)
	c.knows("edge live")
	here := strings.NewReplacer("localhost:4000", c.httpAddress(), "localhost:4001", c.rpc)
	for _, heading := range []string{"grpcurl", "curl", "Tags"} {
		for _, block := range blocks(t, "clients.md", heading, "sh") {
			if heading == "grpcurl" {
				block = "export PATH=" + grpcurl(t) + ":$PATH\n" + block
			}
			if code, text := script(t, nil, "sh", "-e", "-c", here.Replace(block)); code != 0 {
				t.Errorf("%s\nexit code %d: %s", block, code, text)
			}
		}
	}
	audit, err := ringcastv1.NewAuditServiceClient(c.conn).ListAudit(c.deadline(), &ringcastv1.ListAuditRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var details []string
	for _, record := range audit.GetRecords() {
		details = append(details, string(must[[]byte](t)(record.GetRequest().MarshalJSON())))
	}
	all := strings.Join(details, "\n")
	for _, want := range []string{`"post:1"`, `"user:7:posts"`, `"user:7:*"`, `"soft":`, `"settle":`, `"mutations":`} {
		if !strings.Contains(all, want) {
			t.Errorf("the audit has no %s:\n%s", want, all)
		}
	}
}

// TestGoClientRecipe compiles and runs the client of docs/clients.md.
func TestGoClientRecipe(t *testing.T) {
	t.Parallel()
	c, origin := startControl(t), startOrigin(t)
	startEdge(t, origin.URL, c.url, "--node-id", "edge").reaches(0)
	c.knows("edge live")
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(blocks(t, "clients.md", "Go", "go")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", file, c.rpc)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "in force on 1 of 1 edges") {
		t.Errorf("%v: %s", err, out)
	}
}

// grpcurl gives a folder with the program in it.
func grpcurl(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "-C", "../tools/grpcurl", "install", "tool")
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("install grpcurl: %v: %s", err, out)
	}
	return dir
}
