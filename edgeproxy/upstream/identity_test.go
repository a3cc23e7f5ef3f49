package upstream_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/upstream"
)

// who identifies requests by a field that stands for what the gate verified.
var who = upstream.Config{
	IdentityHeader: "X-User",
	Identity:       func(r *http.Request) string { return r.Header.Get("Verified") },
}

// newGreeter is an origin that answers with whom it was told, and the control that
// the target names.
func newGreeter(t *testing.T) string {
	return newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", r.URL.Query().Get("control"))
		w.Header().Set("Vary", r.URL.Query().Get("vary"))
		var told []string
		for name, values := range r.Header {
			if strings.HasPrefix(strings.ToLower(name), "x") && strings.HasSuffix(strings.ToLower(name), "user") {
				told = append(told, strings.Join(values, "|"))
			}
		}
		_, _ = io.WriteString(w, strings.Join(told, "|"))
	})
}

func TestOnlyVerifiedIdentitiesReachTheOrigin(t *testing.T) {
	t.Parallel()
	origin := newGreeter(t)
	e := newEdge(t, origin, who, nil)
	for _, tt := range []struct {
		fields []string
		want   string
	}{
		{nil, ""},
		{[]string{"X-User: evil"}, ""},
		{[]string{"x_user: evil", "X.User: evil", "x-user: evil", "X-USER: evil"}, ""},
		{[]string{"Verified: alice"}, "alice"},
		{[]string{"Verified: alice", "X-User: evil", "X_User: evil"}, "alice"},
		{[]string{"Verified: alice", "Connection: X-User"}, "alice"},
		{[]string{"Verified: auth0|a+b@x.example,c"}, "auth0|a+b@x.example,c"},
		{[]string{"Verified: J\xc3\xb6rg \xff 100%"}, "J%C3%B6rg%20%FF%20100%25"},
	} {
		for _, method := range []string{"GET", "POST"} {
			if a := e.do(t.Context(), method, "/?control=no-store", tt.fields...); a.err != nil || a.body != tt.want {
				t.Errorf("%s %q: the origin is told %q, want %q (%v)", method, tt.fields, a.body, tt.want, a.err)
			}
		}
	}
	if a := newEdge(t, origin, upstream.Config{}, nil).get(t, "/", "X-User: mine"); a.body != "mine" {
		t.Errorf("where no identity is passed on a client's field is %q", a.body)
	}
}

// TestSubjectsAreEncoded: no subject ends a line, and each is another to the origin.
func TestSubjectsAreEncoded(t *testing.T) {
	t.Parallel()
	subjects := []string{"a\r\nX-User: admin", "a\x00", "日本", "%E6%97%A5", "a b", "a%20b", "\t", "a\n"}
	told := map[string]bool{}
	for _, subject := range subjects {
		e := newEdge(t, newGreeter(t), upstream.Config{
			IdentityHeader: "X-User", Identity: func(*http.Request) string { return subject },
		}, nil)
		a := e.get(t, "/")
		if back, err := url.PathUnescape(a.body); err != nil || back != subject {
			t.Errorf("%q is told as %q", subject, a.body)
		}
		told[a.body] = true
	}
	if len(told) != len(subjects) {
		t.Errorf("told: %v", told)
	}
}

// TestIdentifiedIsAuthorized: an answer to one user is for others only where the
// origin says so (RFC 9111, section 3.5).
func TestIdentifiedIsAuthorized(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newGreeter(t), who, nil)
	for control, stored := range map[string]bool{
		"max-age=60": false, "public,max-age=60": true, "s-maxage=60": true, "must-revalidate,max-age=60": true,
	} {
		target := "/?control=" + control
		e.get(t, target, "Verified: alice")
		if a := e.get(t, target, "Verified: bob"); (a.body == "alice") != stored {
			t.Errorf("%s: the next user gets %q, %q", control, a.body, a.cache)
		}
	}
	target := "/anonymous?control=max-age=60"
	e.get(t, target, "X-User: evil")
	if a := e.get(t, target); a.body != "" || !strings.HasPrefix(a.cache, "hit") {
		t.Errorf("after one who is not identified: %q, %q", a.body, a.cache)
	}
}

// TestVariantsAreOfVerifiedIdentities: what a client says of itself neither finds the
// variant of another nor fills it.
func TestVariantsAreOfVerifiedIdentities(t *testing.T) {
	t.Parallel()
	e := newEdge(t, newGreeter(t), who, nil)
	target := "/?control=public,max-age=60&vary=x-user"
	for _, tt := range []struct {
		fields    []string
		body, hit string
	}{
		{[]string{"Verified: alice"}, "alice", "fwd=uri-miss"},
		{[]string{"X-User: alice"}, "", "fwd=vary-miss"},
		{[]string{"Verified: alice"}, "alice", "hit"},
		{[]string{"Verified: bob", "X-User: alice"}, "bob", "fwd=vary-miss"},
		{[]string{"Verified: bob"}, "bob", "hit"},
		{nil, "", "hit"},
	} {
		if a := e.get(t, target, tt.fields...); a.body != tt.body || !strings.HasPrefix(a.cache, tt.hit) {
			t.Errorf("%q: %q, %q", tt.fields, a.body, a.cache)
		}
	}
}

func TestParseIdentityHeader(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"x-user": "X-User", "X-Forwarded-User": "X-Forwarded-User", "REMOTE-USER": "Remote-User", "User1": "User1"} {
		if got, err := upstream.ParseIdentityHeader(name); got != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{
		"", "X User", "X_User", "X-User:", "Ü", "X-\u017fser", "host", "cookie", "Authorization", "content-length", "Forwarded", "x-forwarded-for", "X-Real-IP", "Proxy",
	} {
		if got, err := upstream.ParseIdentityHeader(name); err == nil {
			t.Errorf("%q is taken as %q", name, got)
		}
	}
}
