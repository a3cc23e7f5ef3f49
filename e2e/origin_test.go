package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// origin is the application behind the edges. Each page can be stored for an
// hour, has the tags "all" and "page:<path>", and says which answer it is.
type origin struct {
	*httptest.Server
	answers atomic.Int64
}

func startOrigin(t *testing.T) *origin {
	t.Helper()
	o := new(origin)
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("X-Cache-Tags", "all, page:"+r.URL.Path)
		w.Header().Set("Surrogate-Key", "key-of-"+r.URL.Path[1:])
		fmt.Fprintf(w, "answer %d", o.answers.Add(1))
	}))
	t.Cleanup(o.Close)
	return o
}

// startSlowOrigin says on begun when it was asked for a page, and answers after
// finish; what else is sent to it is answered at once. The answers are numbered
// by when they began.
func startSlowOrigin(t *testing.T, begun chan<- struct{}, finish <-chan struct{}) *origin {
	t.Helper()
	o := new(origin)
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			return
		}
		number := o.answers.Add(1)
		select {
		case begun <- struct{}{}:
		case <-r.Context().Done():
		}
		select {
		case <-finish:
		case <-r.Context().Done():
		}
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Cache-Tag", "slow")
		fmt.Fprintf(w, "slow answer %d", number)
	}))
	t.Cleanup(o.Close)
	return o
}
