package server

import (
	"net/http/httptest"
	"testing"
	"time"
)

// timed is a connection's writer that sees whether a write has an end.
type timed struct {
	*httptest.ResponseRecorder
	until, written time.Time
}

// SetWriteDeadline implements what http.ResponseController looks for.
func (w *timed) SetWriteDeadline(t time.Time) error {
	w.until = t
	return nil
}

func (w *timed) Write(p []byte) (int, error) {
	w.written = w.until
	return w.ResponseRecorder.Write(p)
}

// Who is refused may send request after request and take no answer.
func TestRefusalsHaveADeadline(t *testing.T) {
	t.Parallel()
	edge := startGate(t, func(*Config) {})
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	if edge.gate.refuse(w, tokenRevoked); w.Code != tokenRevoked.status || !w.written.After(time.Now()) {
		t.Errorf("%d, written until %v", w.Code, w.written)
	}
}
