package e2e

import (
	"bufio"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// curl runs a line as one types it: curl -X POST URL -d DATA, in any order. A
// machine without curl gets the same request from here, headers included.
func curl(t *testing.T, args ...string) answer {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		return curlWithout(t, args)
	}
	cmd := exec.Command("curl", append([]string{"-q", "-sS", "-i", "--noproxy", "*", "--max-time", "30"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("curl %s: %v", strings.Join(args, " "), err)
	}
	resp := must[*http.Response](t)(http.ReadResponse(bufio.NewReader(strings.NewReader(string(out))), nil))
	return must[answer](t)(read(resp))
}

func curlWithout(t *testing.T, args []string) answer {
	t.Helper()
	method, url, data := http.MethodGet, "", ""
	header := http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8"}}
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-X":
			i++
			method = args[i]
		case "-d":
			i++
			data = args[i]
			header.Set("Content-Type", "application/x-www-form-urlencoded")
		case "-H":
			i++
			name, value, _ := strings.Cut(args[i], ": ")
			header.Set(name, value)
		default:
			url = args[i]
		}
	}
	req := must[*http.Request](t)(http.NewRequest(method, url, strings.NewReader(data)))
	req.Header = header
	return must[answer](t)(read(must[*http.Response](t)(client.Do(req))))
}
