package upstream

import (
	"io"
	"net/http"
	"time"
)

// readTimeout ends the connection of a client whose body stops coming, which would
// hold a connection to the origin for as long as it likes. It counts while a read
// waits.
const readTimeout = 60 * time.Second

// tooLarge is what a client hears whose body is longer than Config.MaxBody.
const tooLarge = "body_too_large"

// limitBody bounds the body in time and, if asked to, in length. The server looks
// at the body of its own request, as for "Expect", and closes the connection of a
// client that sends too much.
func (h *Handler) limitBody(w http.ResponseWriter, r *http.Request, controller *http.ResponseController) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	r = r.WithContext(r.Context())
	if h.config.MaxBody > 0 {
		r.Body = http.MaxBytesReader(w, r.Body, h.config.MaxBody)
	}
	r.Body = &body{r.Body, controller}
	return r
}

// body gives each read of a request's body a deadline of its own.
type body struct {
	io.ReadCloser
	controller *http.ResponseController
}

// Read lifts the deadline at the end: from there on the server watches the
// connection for the client's leaving.
func (b *body) Read(p []byte) (int, error) {
	b.deadline(time.Now().Add(readTimeout))
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.deadline(time.Time{})
	}
	return n, err
}

// deadline does nothing for a connection that has none.
func (b *body) deadline(t time.Time) { _ = b.controller.SetReadDeadline(t) }
