package upstream

import (
	"net/http"
	"strconv"
)

const maxForwards = "Max-Forwards"

// lastHop tells whether a request must not be forwarded (RFC 9110, section 7.6.2).
func lastHop(r *http.Request) bool {
	n, counted := hopsLeft(r)
	return counted && n == 0
}

// countHop is the rest of that section.
func countHop(out *http.Request) {
	if n, counted := hopsLeft(out); counted {
		out.Header.Set(maxForwards, strconv.Itoa(n-1))
	}
}

// hopsLeft is known for OPTIONS alone: TRACE is refused, and elsewhere the field means
// nothing. A number beyond a million is as good as none.
func hopsLeft(r *http.Request) (n int, counted bool) {
	if r.Method != http.MethodOptions {
		return 0, false
	}
	n, err := strconv.Atoi(r.Header.Get(maxForwards))
	return n, err == nil && n >= 0 && n <= 1_000_000
}

// answerOptions says what may be asked of any resource here.
func answerOptions(w *writer) {
	defer w.start() // there is no body, whose write would have begun it
	w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
