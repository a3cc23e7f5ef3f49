package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// curlMain is curl as far as the recipes use it, for a machine that has none.
func curlMain(args []string) int {
	method, url, data := http.MethodGet, "", ""
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-d":
			i++
			method, data = http.MethodPost, args[i]
		case "--retry", "--max-time":
			i++
		default:
			if !strings.HasPrefix(args[i], "-") {
				url = args[i]
			}
		}
	}
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequest(method, url, strings.NewReader(data))
	if err != nil {
		return 3
	}
	resp, err := client.Do(req)
	if err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		return 7
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return 22
	}
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		return 23
	}
	return 0
}
