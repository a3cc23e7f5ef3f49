package client_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/client"
)

// TestXForwardedFor has what is found, and what attackers send. The proxy is the
// client where it names nobody.
func TestXForwardedFor(t *testing.T) {
	t.Parallel()
	const nobody = "10.0.0.1"
	long := strings.Repeat("6.6.6.6, ", 10_000)
	for _, tt := range []struct {
		name, want string
		lines      []string
	}{
		{"one", "9.9.9.9", []string{"9.9.9.9"}},
		{"spoofed before it", "9.9.9.9", []string{"6.6.6.6, 9.9.9.9"}},
		{"spoofed in a line of its own", "9.9.9.9", []string{"6.6.6.6", "9.9.9.9"}},
		{"spoofed as a proxy", "9.9.9.9", []string{"6.6.6.6, 10.0.0.2, 9.9.9.9"}},
		{"spoofed as the peer", "9.9.9.9", []string{"10.0.0.1, 9.9.9.9"}},
		{"spoofed without end", "9.9.9.9", []string{long + "9.9.9.9"}},
		{"junk before it", "9.9.9.9", []string{"\"\x00\xff,;=[\\, 9.9.9.9"}},
		{"private", "192.168.1.1", []string{"6.6.6.6, 192.168.1.1"}},
		{"loopback", "127.0.0.1", []string{"6.6.6.6, 127.0.0.1"}},
		{"through two proxies", "9.9.9.9", []string{"6.6.6.6, 9.9.9.9, 10.0.0.2"}},
		{"in lines", "9.9.9.9", []string{"6.6.6.6", "9.9.9.9", "10.0.0.2"}},
		{"all are proxies", "10.0.0.3", []string{"10.0.0.3, 10.0.0.2"}},
		{"IPv6", "2001:db8::1", []string{"2001:db8::1"}},
		{"… in brackets", "2001:db8::1", []string{"[2001:db8::1]"}},
		{"… with a port", "2001:db8::1", []string{"[2001:DB8::1]:8080"}},
		{"… with a zone", "fe80::1", []string{"fe80::1%eth0"}},
		{"… in brackets with a zone", "fe80::1", []string{"[fe80::1%25eth0]:1"}},
		{"… mapped", "9.9.9.9", []string{"::ffff:9.9.9.9"}},
		{"… mapped with a port", "9.9.9.9", []string{"[::ffff:909:909]:80"}},
		{"… a mapped proxy", "9.9.9.9", []string{"9.9.9.9, ::ffff:10.0.0.2"}},
		{"IPv4 with a port", "9.9.9.9", []string{"9.9.9.9:8080"}},
		{"port 0", "9.9.9.9", []string{"9.9.9.9:0"}},
		{"port 99999, as the grammar has it", "9.9.9.9", []string{"9.9.9.9:99999"}},
		{"a port that is too long", nobody, []string{"6.6.6.6, 9.9.9.9:100000"}},
		{"a port without digits", nobody, []string{"6.6.6.6, 9.9.9.9:"}},
		{"a port that is none", nobody, []string{"9.9.9.9:80x"}},
		{"whitespace", "9.9.9.9", []string{"6.6.6.6 ,\t 9.9.9.9 \t"}},
		{"empty elements", "9.9.9.9", []string{"6.6.6.6,9.9.9.9,, ,", "", " , "}},
		{"only empty elements", nobody, []string{",,", "", " "}},
		{"empty elements without end", nobody, []string{"6.6.6.6" + strings.Repeat(",", 1<<16)}},
		{"empty lines without end", nobody, append([]string{"6.6.6.6"}, make([]string, 1<<16)...)},
		{"an element without end", nobody, []string{"6.6.6.6," + strings.Repeat("1", 1<<16)}},
		{"an address at the end of it", nobody, []string{strings.Repeat("1", 1<<16) + " 9.9.9.9"}},
		{"whitespace without end", nobody, []string{"6.6.6.6," + strings.Repeat(" ", 1<<16)}},
		{"proxies without end", "10.0.0.2", []string{"6.6.6.6" + strings.Repeat(", 10.0.0.2", 1<<16)}},
		{"unknown", nobody, []string{"6.6.6.6, unknown"}},
		{"obfuscated", nobody, []string{"6.6.6.6, _hidden"}},
		{"a name", nobody, []string{"6.6.6.6, localhost"}},
		{"a name that looks hexadecimal", nobody, []string{"6.6.6.6, cafe"}},
		{"a unix socket", nobody, []string{"6.6.6.6, unix:"}},
		{"CIDR", nobody, []string{"6.6.6.6, 9.9.9.9/24"}},
		{"trailing garbage", nobody, []string{"6.6.6.6, 9.9.9.9 x"}},
		{"leading garbage", nobody, []string{"6.6.6.6, x 9.9.9.9"}},
		{"two without a comma", nobody, []string{"6.6.6.6 9.9.9.9"}},
		{"a semicolon", nobody, []string{"6.6.6.6; 9.9.9.9"}},
		{"quoted", nobody, []string{`6.6.6.6, "9.9.9.9"`}},
		{"NUL", nobody, []string{"6.6.6.6, 9.9.9.9\x00"}},
		{"NUL in a zone", nobody, []string{"6.6.6.6, fe80::1%\x00"}},
		{"not ASCII", nobody, []string{"6.6.6.6, ９.9.9.9"}},
		{"a line break", nobody, []string{"6.6.6.6, 9.9.9.9\r\n"}},
		{"three numbers", nobody, []string{"6.6.6.6, 9.9.9"}},
		{"a number", nobody, []string{"6.6.6.6, 151587081"}},
		{"octal", nobody, []string{"6.6.6.6, 011.9.9.9"}},
		{"hexadecimal", nobody, []string{"6.6.6.6, 0x09.9.9.9"}},
		{"256", nobody, []string{"6.6.6.6, 256.9.9.9"}},
		{"IPv4 in brackets", nobody, []string{"6.6.6.6, [9.9.9.9]"}},
		{"IPv4 with a zone", nobody, []string{"6.6.6.6, 9.9.9.9%eth0"}},
		{"an empty zone", nobody, []string{"6.6.6.6, fe80::1%"}},
		{"a bracket that does not end", nobody, []string{"6.6.6.6, [2001:db8::1"}},
		{"a bracket that does not begin", nobody, []string{"6.6.6.6, 2001:db8::1]"}},
		{"after the port", nobody, []string{"6.6.6.6, [2001:db8::1]:80 x"}},
		{"after the bracket", nobody, []string{"6.6.6.6, [2001:db8::1]80"}},
		{"malformed beyond a proxy", "10.0.0.2", []string{"6.6.6.6, for=9.9.9.9, 10.0.0.2"}},
		{"Forwarded's form", nobody, []string{"6.6.6.6, for=9.9.9.9"}},
	} {
		h := http.Header{"X-Forwarded-For": tt.lines}
		for _, header := range []client.Header{client.Auto, client.XForwardedFor} {
			if got := resolve(t, resolver(header), peer, h); got != tt.want {
				t.Errorf("%s, %s: got %s, want %s", tt.name, header, got, tt.want)
			}
		}
		if got := resolve(t, resolver(client.Forwarded), peer, h); got != nobody {
			t.Errorf("%s, where Forwarded is believed: got %s", tt.name, got)
		}
	}
}

func TestForwarded(t *testing.T) {
	t.Parallel()
	const nobody = "10.0.0.1"
	for _, tt := range []struct {
		name, want string
		lines      []string
	}{
		{"RFC 7239, 4: an address", "9.9.9.9", []string{"for=9.9.9.9"}},
		{"… names in any case", "9.9.9.9 https", []string{"FOR=9.9.9.9;pRoTo=HTTPS"}},
		{"… all parameters", "192.0.2.60 http", []string{"for=192.0.2.60;proto=http;by=203.0.113.43;host=a.example"}},
		{"… in any order", "9.9.9.9 http", []string{"host=x;proto=http;x-y=z;for=9.9.9.9"}},
		{"… several elements", "9.9.9.9", []string{"for=6.6.6.6, for=9.9.9.9"}},
		{"… several lines", "9.9.9.9", []string{"for=6.6.6.6", "for=9.9.9.9", "for=10.0.0.2"}},
		{"… without space", "9.9.9.9", []string{"for=6.6.6.6,for=9.9.9.9,for=10.0.0.2"}},
		{"… a quoted address", "9.9.9.9", []string{`for="9.9.9.9"`}},
		{"… IPv6", "2001:db8:cafe::17", []string{`For="[2001:db8:cafe::17]:4711"`}},
		{"… IPv6 with a zone", "fe80::1", []string{`for="[fe80::1%eth0]"`}},
		{"… IPv6, mapped", "9.9.9.9", []string{`for="[::ffff:9.9.9.9]"`}},
		{"… a port", "9.9.9.9", []string{`for="9.9.9.9:0"`}},
		{"… an obfuscated port", "9.9.9.9", []string{`for="9.9.9.9:_p.-_"`}},
		{"… quoted pairs", "9.9.9.9 https", []string{`for="\9.9.\9.9";proto="\h\t\t\p\s"`}},
		{"… a comma in quotes", "9.9.9.9", []string{`for=9.9.9.9;x=", for=6.6.6.6"`}},
		{"… a quote in quotes", "9.9.9.9", []string{`for=9.9.9.9;x="a\", for=6.6.6.6"`}},
		{"… a backslash at the end of quotes", "9.9.9.9", []string{`for=6.6.6.6, for=9.9.9.9;x="a\\"`}},
		{"… unknown", nobody, []string{"for=6.6.6.6, for=unknown"}},
		{"… unknown, with a scheme", "10.0.0.1 https", []string{"for=6.6.6.6, for=unknown;proto=https"}},
		{"… obfuscated", nobody, []string{"for=6.6.6.6, for=_x"}},
		{"… obfuscated with a port", nobody, []string{`for=6.6.6.6, for="_x:80"`}},
		{"… empty pairs", "9.9.9.9", []string{";;for=9.9.9.9;;"}},
		{"… empty elements", "9.9.9.9", []string{",, for=9.9.9.9 , ,", ""}},
		{"… obs-text", "9.9.9.9", []string{"for=9.9.9.9;x=\"\xff\""}},
		{"as found: space after the semicolon", "9.9.9.9 https", []string{"for=9.9.9.9; proto=https ;\tby=x"}},
		{"… IPv6 without quotes", "2001:db8::1", []string{"for=[2001:db8::1]:80"}},
		{"… IPv6 without brackets", "2001:db8::1", []string{`for="2001:db8::1"`}},
		{"… a port without quotes", "9.9.9.9", []string{"for=9.9.9.9:80"}},
		{"no for", nobody, []string{"for=6.6.6.6, by=9.9.9.9"}},
		{"no for, but a scheme", "10.0.0.1 https", []string{"for=6.6.6.6, proto=https"}},
		{"for twice", nobody, []string{"for=6.6.6.6, for=9.9.9.9;for=9.9.9.9"}},
		{"for twice, in another case", nobody, []string{"for=9.9.9.9;FOR=6.6.6.6"}},
		{"proto twice", nobody, []string{"for=9.9.9.9;proto=http;proto=https"}},
		{"by twice", nobody, []string{"for=9.9.9.9;by=a;by=b"}},
		{"an extension twice", "9.9.9.9", []string{"for=9.9.9.9;x=a;x=b"}},
		{"another scheme", "9.9.9.9", []string{"for=9.9.9.9;proto=gopher"}},
		{"a WebSocket's scheme", "9.9.9.9 https", []string{"for=9.9.9.9;proto=wss"}},
		{"an empty scheme", "9.9.9.9", []string{`for=9.9.9.9;proto=""`}},
		{"the scheme of who wrote the client", "9.9.9.9 https", []string{"for=6.6.6.6;proto=http, for=9.9.9.9;proto=https, for=10.0.0.2;proto=http"}},
		{"the scheme of who has one", "9.9.9.9 https", []string{"for=6.6.6.6;proto=http, for=9.9.9.9, for=10.0.0.2;proto=https"}},
		{"a malformed element says nothing", nobody, []string{"for=6.6.6.6, proto=https;for"}},
		{"a quote before it that does not end", "9.9.9.9", []string{`for="6.6.6.6, for=9.9.9.9`}},
		{"… that ends in it", "2001:db8::1", []string{`for="6.6.6.6, for="[2001:db8::1]"`}},
		{"… after a backslash", "2001:db8::1", []string{`for="\, for="[2001:db8::1]"`}},
		{"… in a line of its own", "2001:db8::1", []string{`for="6.6.6.6`, `for="[2001:db8::1]"`}},
		{"a proxy's quote that does not end", nobody, []string{`for=6.6.6.6, for="9.9.9.9`}},
		{"a proxy's quote that does not begin", nobody, []string{`for=6.6.6.6, for=9.9.9.9"`}},
		{"a quote that ends in the client's part", nobody, []string{`for=6.6.6.6;x=", for="9.9.9.9`}},
		{"a backslash at the end", nobody, []string{`for=6.6.6.6, for="9.9.9.9\"`}},
		{"after the quotes", nobody, []string{`for=6.6.6.6, for="9.9.9.9"x`}},
		{"before the quotes", nobody, []string{`for=6.6.6.6, for=x"9.9.9.9"`}},
		{"space before the equals sign", nobody, []string{"for=6.6.6.6, for =9.9.9.9"}},
		{"space after it", nobody, []string{"for=6.6.6.6, for= 9.9.9.9"}},
		{"space in the value", nobody, []string{"for=6.6.6.6, for=9.9.9.9 proto=http"}},
		{"no value", nobody, []string{"for=6.6.6.6, for="}},
		{"no value, later", nobody, []string{"for=6.6.6.6, for=9.9.9.9;x="}},
		{"an empty value", nobody, []string{`for=6.6.6.6, for=""`}},
		{"no name", nobody, []string{"for=6.6.6.6, =9.9.9.9"}},
		{"no name, later", nobody, []string{"for=9.9.9.9;=x"}},
		{"no equals sign", nobody, []string{"for=6.6.6.6, 9.9.9.9"}},
		{"no equals sign, later", nobody, []string{"for=9.9.9.9;x"}},
		{"a name that is no token", nobody, []string{"for=9.9.9.9;x y=z"}},
		{"NUL", nobody, []string{"for=6.6.6.6, for=9.9.9.9\x00"}},
		{"NUL in another value", nobody, []string{"for=6.6.6.6, for=9.9.9.9;x=\x00"}},
		{"a quote in a value", nobody, []string{`for=6.6.6.6, for=9.9.9.9;x=a"";by=b`}},
		{"a backslash in a value", nobody, []string{`for=6.6.6.6, for=9.9.9.9;x=a\b`}},
		{"NUL in quotes", nobody, []string{"for=6.6.6.6, for=9.9.9.9;x=\"\x00\""}},
		{"NUL after a backslash", nobody, []string{"for=6.6.6.6, for=9.9.9.9;x=\"\\\x00\""}},
		{"DEL in quotes", nobody, []string{"for=6.6.6.6, for=9.9.9.9;x=\"\x7f\""}},
		{"not ASCII", nobody, []string{"for=6.6.6.6, for=９.9.9.9"}},
		{"not ASCII, in quotes", nobody, []string{`for=6.6.6.6, for="９.9.9.9"`}},
		{"space in the quotes", nobody, []string{`for=6.6.6.6, for=" 9.9.9.9"`}},
		{"CIDR", nobody, []string{"for=6.6.6.6, for=9.9.9.9/8"}},
		{"a list in quotes", nobody, []string{`for=6.6.6.6, for="8.8.8.8, 9.9.9.9"`}},
		{"quotes without end", nobody, []string{"for=6.6.6.6, " + strings.Repeat(`"`, 1<<16)}},
		{"backslashes without end", nobody, []string{`for=6.6.6.6, "` + strings.Repeat(`\`, 1<<16) + `"`}},
		{"a parameter without end", nobody, []string{"for=9.9.9.9;x=" + strings.Repeat("y", 1<<16)}},
		{"… that ends in an address", nobody, []string{"x=" + strings.Repeat("y", 1<<16) + ";for=9.9.9.9"}},
		{"proxies without end", "10.0.0.2", []string{"for=6.6.6.6" + strings.Repeat(", for=10.0.0.2", 1<<16)}},
	} {
		h := http.Header{"Forwarded": tt.lines}
		for _, header := range []client.Header{client.Auto, client.Forwarded} {
			if got := resolve(t, resolver(header), peer, h); got != tt.want {
				t.Errorf("%s, %s: got %s, want %s", tt.name, header, got, tt.want)
			}
		}
		if got := resolve(t, resolver(client.XForwardedFor), peer, h); got != nobody {
			t.Errorf("%s, where X-Forwarded-For is believed: got %s", tt.name, got)
		}
	}
}

func TestBothFields(t *testing.T) {
	t.Parallel()
	const conflict = "forwarded fields name different clients"
	for _, tt := range []struct{ name, fields, want string }{
		{"neither", "", "10.0.0.1"},
		{"they agree", "X-Forwarded-For: 9.9.9.9\r\nForwarded: for=9.9.9.9\r\n", "9.9.9.9"},
		{"… in what the proxy wrote", "X-Forwarded-For: 6.6.6.6, 9.9.9.9\r\nForwarded: for=7.7.7.7, for=9.9.9.9\r\n", "9.9.9.9"},
		{"… written in another way", "X-Forwarded-For: 2001:DB8::1\r\nForwarded: for=\"[2001:db8:0::1]:80\"\r\n", "2001:db8::1"},
		{"… in the hops", "X-Forwarded-For: 9.9.9.9, 10.0.0.2\r\nForwarded: for=9.9.9.9, for=10.0.0.2\r\n", "9.9.9.9"},
		{"not in the hops", "X-Forwarded-For: 9.9.9.9, 10.0.0.2\r\nForwarded: for=9.9.9.9\r\n", conflict},
		{"they contradict", "X-Forwarded-For: 9.9.9.9\r\nForwarded: for=6.6.6.6\r\n", conflict},
		{"one names nobody", "X-Forwarded-For: 9.9.9.9\r\nForwarded: for=unknown\r\n", conflict},
		{"one is junk", "X-Forwarded-For: \"\r\nForwarded: for=9.9.9.9\r\n", conflict},
		{"one is empty", "X-Forwarded-For: 9.9.9.9\r\nForwarded: , ,\r\n", "9.9.9.9"},
		{"the other is empty", "X-Forwarded-For:\r\nForwarded: for=9.9.9.9\r\n", "9.9.9.9"},
		{"one has no end", "X-Forwarded-For: 9.9.9.9\r\nForwarded: " + strings.Repeat(",", 1<<16) + "\r\n", conflict},
		{"schemes agree", "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9;proto=https\r\n", "9.9.9.9 https"},
		{"schemes contradict", "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9;proto=http\r\n", conflict},
		{"… without a chain", "X-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9;proto=http\r\n", conflict},
		{"one has the scheme", "X-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9\r\n", "9.9.9.9 https"},
		{"the other has the scheme", "X-Forwarded-For: 9.9.9.9\r\nForwarded: for=9.9.9.9;proto=https\r\n", "9.9.9.9 https"},
		{"names in any case", "x-FORWARDED-for: 6.6.6.6\r\nX-FORWARDED-FOR: 9.9.9.9\r\nx-forwarded-PROTO: https\r\n", "9.9.9.9 https"},
		{"other names", "X_Forwarded_For: 6.6.6.6\r\nX-Forwarded_For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Client-IP: 6.6.6.6\r\n", "10.0.0.1"},
	} {
		if got := resolve(t, resolver(client.Auto), peer, parse(t, tt.fields)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestXForwardedProto(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, chain, protos, want string }{
		{"one", "9.9.9.9", "https", "9.9.9.9 https"},
		{"in any case", "9.9.9.9", "HTTPS", "9.9.9.9 https"},
		{"of a WebSocket", "9.9.9.9", "wss", "9.9.9.9 https"},
		{"without a chain", "", "https", "10.0.0.1 https"},
		{"of a client that is not known", "6.6.6.6, unknown", "http, https", "10.0.0.1 https"},
		{"spoofed before it", "6.6.6.6, 9.9.9.9", "https, http", "9.9.9.9 http"},
		{"one for each proxy", "9.9.9.9, 10.0.0.2", "https, http", "9.9.9.9 https"},
		{"spoofed before those", "9.9.9.9, 10.0.0.2", "http, https, http", "9.9.9.9 https"},
		{"set by one of two proxies", "9.9.9.9, 10.0.0.2", "https", "9.9.9.9 https"},
		{"junk", "9.9.9.9", "https, https;", "9.9.9.9"},
		{"another scheme", "9.9.9.9", "https, javascript", "9.9.9.9"},
		{"empty", "9.9.9.9", "", "9.9.9.9"},
		{"without end", "9.9.9.9", "https" + strings.Repeat(",", 1<<16), "9.9.9.9"},
	} {
		fields := "X-Forwarded-For: " + tt.chain + "\r\nX-Forwarded-Proto: " + tt.protos + "\r\n"
		if got := resolve(t, resolver(client.XForwardedFor), peer, parse(t, fields)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// parse reads fields as they are on the wire.
func parse(t *testing.T, fields string) http.Header {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r.Header
}
