package listen_test

import (
	"strings"
	"testing"

	"github.com/ringcast/ringcast/internal/listen"
)

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	for _, settings := range [][]listen.Setting{
		{},
		{{Flag: "--a", Address: "localhost:4000"}, {Flag: "--b", Address: "[::1]:4001"}, {Flag: "--c", Address: ":4002", Public: true}},
		{{Flag: "--a", Address: "localhost:0"}, {Flag: "--b", Address: "localhost:0"}},
		{{Flag: "--a", Address: "localhost:http"}, {Flag: "--b", Address: "127.0.0.1:65535"}},
	} {
		if err := listen.Check(settings...); err != nil {
			t.Errorf("%+v: %v", settings, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	const strangers = " can be reached from other machines and no credentials are configured: "
	for address, want := range map[string]string{
		"":                  "--a : want host:port, such as localhost:4000 or :4000",
		"localhost":         "--a localhost: want host:port",
		"localhost:":        "--a localhost:: want host:port",
		"localhost:99999":   "--a localhost:99999: there is no port 99999; want 0 to 65535",
		"localhost:-1":      "--a localhost:-1: there is no port -1",
		"localhost:no-such": "--a localhost:no-such: there is no port no-such",
		":4000":             "--a :4000" + strangers,
		"10.0.0.1:4000":     "--a 10.0.0.1:4000" + strangers,
	} {
		if err := listen.Check(listen.Setting{Flag: "--a", Address: address}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", address, err, want)
		}
	}
	err := listen.Check(listen.Setting{Flag: "--a", Address: ":4000"})
	if err == nil || !strings.Contains(err.Error(), "--insecure") || !strings.Contains(err.Error(), "listen on localhost") {
		t.Errorf("no way out is named: %v", err)
	}
}

// Every mistake is named, whatever its neighbours are.
func TestCheckNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	err := listen.Check(
		listen.Setting{Flag: "--a", Address: "localhost:4000"}, listen.Setting{Flag: "--b", Address: "localhost"},
		listen.Setting{Flag: "--c", Address: "localhost:4000"}, listen.Setting{Flag: "--d", Address: ":1"})
	const want = "--b localhost: want host:port, such as localhost:4000 or :4000\n" +
		"--a and --c are both localhost:4000; give each a port of its own\n" +
		"--d :1 can be reached from other machines"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

// A listener that may be public is no reason to let a port pass that is none.
func TestCheckOfAPublicListener(t *testing.T) {
	t.Parallel()
	err := listen.Check(listen.Setting{Flag: "--a", Address: ":99999", Public: true})
	if err == nil || !strings.Contains(err.Error(), "there is no port 99999") {
		t.Errorf("got %v", err)
	}
}
