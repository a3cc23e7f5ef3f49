package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nginx is a running nginx that asks an edge, by the file that deploy/ has.
type nginx struct {
	*process
	url string
}

// nginxMain is what an operator has around the file of deploy/. The arguments are the
// directory, the edge's admin address, nginx's own, that file, the application's URL, and
// what else the server block has.
const nginxMain = `
pid %[1]s/nginx.pid;
error_log stderr;
master_process off;
daemon off;
events {}
http {
    access_log off;
    client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
    proxy_cache_path %[1]s/cache keys_zone=application:1m;
    upstream ringcast_edge {
        server %[2]s;
        keepalive 16;
    }
    server {
        listen %[3]s;
        include %[4]s;
        %[6]s
        location / { proxy_pass %[5]s; proxy_cache off; }
    }
}
`

// nginxWorst is meant for the application, and where it reached the question to the edge
// as well it would let everybody pass.
const nginxWorst = `
        proxy_cache application;
        proxy_cache_key $uri;
        proxy_cache_valid any 1h;
        proxy_ignore_headers Cache-Control;
        proxy_intercept_errors on;
        error_page 401 403 =200 /sorry;
        location = /sorry { auth_request off; return 200 sorry; }
`

// startNginx is not ok where there is no nginx, which CI installs.
func startNginx(t *testing.T, edgeAdmin, application, rest string) (n *nginx, ok bool) {
	t.Helper()
	program, err := findNginx()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("nothing is asked of nginx: %v", err)
		return nil, false
	}
	dir, address := t.TempDir(), net.JoinHostPort("127.0.0.1", freePort(t))
	file := must[string](t)(filepath.Abs("../deploy/nginx/ringcast-auth.conf"))
	conf := filepath.Join(dir, "nginx.conf")
	writeFile(t, conf, fmt.Sprintf(nginxMain, dir, strings.TrimPrefix(edgeAdmin, "http://"), address, file, application, rest))
	n = &nginx{run(t, "nginx", exec.Command(program, "-e", "stderr", "-p", dir, "-c", conf)), "http://" + address}
	eventually(t, "nginx listens", func() error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return n, true
}

// findNginx looks where only root has it in the path, too.
func findNginx() (string, error) {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/nginx")
}

// as is the client at a loopback address other than nginx's own.
func (n *nginx) as(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}

func (n *nginx) ask(address, path string, fields ...string) answer {
	n.t.Helper()
	return ask(n.t, n.as(address), n.url+path, fields...)
}

// TestNginx: what the edge decides is what nginx answers, and clients cannot talk past it.
func TestNginx(t *testing.T) {
	t.Parallel()
	c, i := startControl(t), startIssuer(t)
	e := startEdge(t, "http://127.0.0.1:1", c.url, i.flags("--trusted-proxy", "127.0.0.1", "--autoban-failures", "50",
		"--jwt", "optional", "--jwt-path", "/private=required", "--jwt-identity-header", "X-User")...)
	n, ok := startNginx(t, e.admin, startMirror(t), "")
	if !ok {
		return
	}
	c.ban("127.0.0.7", "abuse")
	e.reaches(c.revoke("stolen"))
	e.becomesReady()

	const welcome, banned = "127.0.0.8", "127.0.0.7"
	good, stolen := bearer(i.token(nil)), bearer(i.token(claims{"jti": "stolen"}))
	for _, tt := range []struct {
		address, path string
		fields        []string
		code          int
		body          string // of the application
	}{
		{welcome, "/", nil, http.StatusOK, `[]`},
		{welcome, "/private?a=b", []string{good}, http.StatusOK, `["` + theSubject + `"]`},
		{welcome, "/", []string{"X-User: root", "X_User: root"}, http.StatusOK, `[]`},
		{welcome, "/", []string{"X-User: root", good}, http.StatusOK, `["` + theSubject + `"]`},
		{banned, "/", nil, http.StatusForbidden, ""},
		{banned, "/private", []string{good}, http.StatusForbidden, ""},
		{welcome, "/private", nil, http.StatusUnauthorized, ""},
		{welcome, "//private", nil, http.StatusUnauthorized, ""},
		{welcome, "/x/../private", nil, http.StatusUnauthorized, ""},
		{welcome, "/", []string{bearer(unsigned)}, http.StatusUnauthorized, ""},
		{welcome, "/", []string{stolen}, http.StatusUnauthorized, ""},
		{banned, "/", []string{from(welcome)}, http.StatusForbidden, ""},
		{banned, "/", []string{"Forwarded: for=" + welcome}, http.StatusForbidden, ""},
		{welcome, "/", []string{from(banned)}, http.StatusOK, `[]`},
		{welcome, "/", []string{"Forwarded: for=" + banned}, http.StatusOK, `[]`},
		{welcome, "/private", []string{"X-Original-URI: /"}, http.StatusUnauthorized, ""},
		{welcome, "/_ringcast/check", nil, http.StatusNotFound, ""},
	} {
		a, what := n.ask(tt.address, tt.path, tt.fields...), fmt.Sprint(tt.address, " ", tt.path, " ", tt.fields)
		isAnswered(t, what, a, tt.code)
		if tt.body != "" && a.body != tt.body {
			t.Errorf("%s: the application hears of %s, want %s", what, a.body, tt.body)
		}
		if asked := a.header.Get("WWW-Authenticate"); strings.HasPrefix(asked, "Bearer") != (tt.code == http.StatusUnauthorized) {
			t.Errorf("%s: WWW-Authenticate is %q", what, asked)
		}
	}
	post := must[*http.Response](t)(n.as(welcome).Post(n.url, "text/plain", strings.NewReader("a body")))
	isAnswered(t, "POST", must[answer](t)(read(post)), http.StatusOK)
	eventually(t, "who fails too often is banned", func() error {
		if a := n.ask("127.0.0.9", "/private"); a.code != http.StatusForbidden {
			return fmt.Errorf("the answer is %s", a)
		}
		return nil
	})
	e.kill()
	isAnswered(t, "without an edge", n.ask(welcome, "/"), http.StatusInternalServerError)
}

// TestNginxWithMuchElse: what the server block says for the application changes no answer of
// the edge's, and gives nobody another's.
func TestNginxWithMuchElse(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	e := startEdge(t, "http://127.0.0.1:1", c.url, "--trusted-proxy", "127.0.0.1")
	n, ok := startNginx(t, e.admin, startMirror(t), nginxWorst)
	if !ok {
		return
	}
	e.reaches(c.ban("127.0.0.7", ""))
	for range 2 {
		for address, body := range map[string]string{"127.0.0.8": `[]`, "127.0.0.7": "sorry"} {
			if a := n.ask(address, "/"); a.code != http.StatusOK || a.body != body {
				t.Errorf("%s: %s, want %s", address, a, body)
			}
		}
	}
}

// TestNginxThatIsNotTrusted lets nobody pass, and neither do clients that the edge takes
// for proxies.
func TestNginxThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	c, mirror := startControl(t), startMirror(t)
	for trusted, failure := range map[string]string{"192.0.2.1": "peer_not_trusted", "127.0.0.0/8": "client_unknown"} {
		e := startEdge(t, "http://127.0.0.1:1", c.url, "--trusted-proxy", trusted)
		e.becomesReady()
		isRefused(t, failure, ask(t, client, e.admin+"/check", from("127.0.0.8")), http.StatusBadRequest, failure)
		if n, ok := startNginx(t, e.admin, mirror, ""); ok {
			isAnswered(t, failure, n.ask("127.0.0.8", "/"), http.StatusInternalServerError)
		}
	}
}
