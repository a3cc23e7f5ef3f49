package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// Each mutation asks for exactly what the line says.
func TestMutationsAsk(t *testing.T) {
	t.Parallel()
	const hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" // of "secret"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want proto.Message
		out  string
	}{
		"ban": {
			[]string{"ban", "192.0.2.1", "--reason", "abuse", "--ttl", "10m", "--request-id", "r"},
			&ringcastv1.BanIPRequest{Ip: "192.0.2.1", Reason: "abuse", Ttl: durationpb.New(10 * time.Minute), RequestId: "r"},
			"banned 192.0.2.1 at 7f3a9c-42\n",
		},
		"ban without an end": {[]string{"ban", "::1"}, &ringcastv1.BanIPRequest{Ip: "::1"}, "banned ::1 at"},
		"ban, no time": { // the server refuses it; it must not become "for ever"
			[]string{"ban", "::1", "--ttl", "1s"}, &ringcastv1.BanIPRequest{Ip: "::1", Ttl: &durationpb.Duration{Seconds: 1}}, "banned",
		},
		"ban, override": {
			[]string{"ban", "::1", "--override"}, &ringcastv1.BanIPRequest{Ip: "::1", Override: true}, "banned ::1 at",
		},
		"allow": {
			[]string{"allow", "192.0.2.1", "--reason", "office", "--ttl", "10m", "--request-id", "r"},
			&ringcastv1.AllowIPRequest{Ip: "192.0.2.1", Reason: "office", Ttl: durationpb.New(10 * time.Minute), RequestId: "r"},
			"allowed 192.0.2.1 at 7f3a9c-42\n",
		},
		"allow without an end": {[]string{"allow", "::1"}, &ringcastv1.AllowIPRequest{Ip: "::1"}, "allowed ::1 at"},
		"unallow": {
			[]string{"unallow", "192.0.2.0/24", "--request-id", "r"},
			&ringcastv1.RemoveAllowRequest{Ip: "192.0.2.0/24", RequestId: "r"}, "no longer allowed 192.0.2.0/24 at 7f3a9c-42\n",
		},
		"unban": {
			[]string{"unban", "192.0.2.0/24", "--request-id", "r"},
			&ringcastv1.UnbanIPRequest{Ip: "192.0.2.0/24", RequestId: "r"}, "unbanned 192.0.2.0/24 at 7f3a9c-42\n",
		},
		"revoke jti": {
			[]string{"revoke", "--jti", "j", "--reason", "stolen", "--ttl", "1h", "--request-id", "r"},
			&ringcastv1.RevokeTokenRequest{
				Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: "j"}, Reason: "stolen", Ttl: durationpb.New(time.Hour), RequestId: "r",
			},
			"revoked jti j at 7f3a9c-42\n",
		},
		"revoke subject": {
			[]string{"revoke", "--subject", "alice"},
			&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Subject{Subject: "alice"}}, "revoked subject alice at",
		},
		"revoke file": {
			[]string{"revoke", "--token-file", file},
			&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Token{Token: "secret"}}, "revoked token with hash " + hash + " at",
		},
		"revoke standard input": {
			[]string{"revoke", "--token-file", "-"},
			&ringcastv1.RevokeTokenRequest{Of: &ringcastv1.RevokeTokenRequest_Token{Token: "from-stdin"}}, "revoked token with hash",
		},
		"restore jti": {
			[]string{"restore", "--jti", "j", "--request-id", "r"},
			&ringcastv1.RestoreTokenRequest{Of: &ringcastv1.RestoreTokenRequest_Jti{Jti: "j"}, RequestId: "r"}, "restored jti j at",
		},
		"restore subject": {
			[]string{"restore", "--subject", "s"},
			&ringcastv1.RestoreTokenRequest{Of: &ringcastv1.RestoreTokenRequest_Subject{Subject: "s"}}, "restored subject s at",
		},
		"restore file": {
			[]string{"restore", "--token-file", file},
			&ringcastv1.RestoreTokenRequest{Of: &ringcastv1.RestoreTokenRequest_Token{Token: "secret"}}, "restored token with hash " + hash,
		},
		"restore hash": {
			[]string{"restore", "--token-hash", hash},
			&ringcastv1.RestoreTokenRequest{Of: &ringcastv1.RestoreTokenRequest_TokenHash{TokenHash: hash}}, "restored token with hash " + hash,
		},
		"invalidate": {
			[]string{"invalidate", "--tag", "a,b", "--tag", "c:*", "--key", "/x", "--soft", "--settle", "2s", "--request-id", "r"},
			&ringcastv1.InvalidateRequest{
				Tags: []string{"a,b", "c:*"}, Keys: []string{"/x"}, Soft: true, Settle: durationpb.New(2 * time.Second), RequestId: "r",
			},
			"invalidated 2 tags and key /x at 7f3a9c-42\n",
		},
		"preload": {
			[]string{"preload", "/a,b", "--request-id", "r"},
			&ringcastv1.PreloadRequest{Routes: []string{"/a,b"}, RequestId: "r"}, "hinted preload of /a,b at 7f3a9c-42\n",
		},
		"preload of several": {
			[]string{"preload", "/a?b", "https://h/", "/a?b"},
			&ringcastv1.PreloadRequest{Routes: []string{"/a?b", "https://h/", "/a?b"}}, "hinted preload of 3 routes at 7f3a9c-42\n",
		},
		"publish": {
			[]string{"publish", "order.created", "--channel", "orders", "--data", "{}\n", "--request-id", "r"},
			&ringcastv1.PublishRequest{Channel: "orders", Type: "order.created", Data: "{}\n", RequestId: "r"},
			"published order.created on orders at 7f3a9c-42\n",
		},
		"publish without data": {
			[]string{"publish", "ping"}, &ringcastv1.PublishRequest{Channel: "default", Type: "ping"}, "published ping on default at",
		},
		"publish file": {
			[]string{"publish", "t", "--file", file},
			&ringcastv1.PublishRequest{Channel: "default", Type: "t", Data: "secret\n"}, "published t on default at",
		},
		"publish standard input": {
			[]string{"publish", "t", "--file", "-"},
			&ringcastv1.PublishRequest{Channel: "default", Type: "t", Data: "from-stdin\r\n"}, "published t on default at",
		},
		"invalidate all": {[]string{"invalidate", "--all"}, &ringcastv1.InvalidateRequest{All: true}, "invalidated everything at"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := new(fake)
			r := ringcastIn(t, "from-stdin\r\n", append(test.args, "--server", f.start(t))...)
			r.want(t, exitDone, test.out, "")
			if diff := cmp.Diff(test.want, f.asked(t), protocmp.Transform()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if strings.Contains(r.out+r.errOut, "secret") {
				t.Errorf("the token is printed: %q", r.out)
			}
		})
	}
}

func TestMutationsInJSON(t *testing.T) {
	t.Parallel()
	server := new(fake).start(t)
	ringcast(t, "ban", "192.0.2.1", "-o", "json", "--server", server).
		want(t, exitDone, "{\n  \"ip\": \"192.0.2.1\",\n  \"position\": \"42\",\n  \"epoch\": \"7f3a9c\"\n}\n", "")
	ringcast(t, "invalidate", "--all", "-o", "jsonl", "--server", server).
		want(t, exitDone, `{"position":"43","epoch":"7f3a9c"}`+"\n", "")
	ringcast(t, "preload", "/a", "-o", "json", "--server", server).
		want(t, exitDone, "{\n  \"position\": \"44\",\n  \"epoch\": \"7f3a9c\"\n}\n", "")
}

// Routes are one request: all are refused with one.
func TestPreloadIsRefused(t *testing.T) {
	t.Parallel()
	f := &fake{refuse: func(route string) error {
		return refusal(codes.InvalidArgument, "INVALID_ROUTE", "route "+route+" is no path")
	}}
	ringcast(t, "preload", "a", "/b", "--server", f.start(t)).want(t, exitError, "", "ringcast: route a is no path (INVALID_ROUTE)\n")
}

// A refused address is reported; the others are banned.
func TestBanGoesOnAfterARefusal(t *testing.T) {
	t.Parallel()
	f := &fake{refuse: func(ip string) error {
		if ip == "1.2.3.4/24" {
			return refusal(codes.InvalidArgument, "INVALID_IP", "1.2.3.4/24 has host bits set; do you mean 1.2.3.0/24?")
		}
		return nil
	}}
	server := f.start(t)
	got := ringcast(t, "ban", "192.0.2.1", "1.2.3.4/24", "192.0.2.2", "--server", server)
	want := result{
		exitError, "banned 192.0.2.1 at 7f3a9c-42\nbanned 192.0.2.2 at 7f3a9c-43\n",
		"ringcast: 1.2.3.4/24: 1.2.3.4/24 has host bits set; do you mean 1.2.3.0/24? (INVALID_IP)\n" +
			"ringcast: 1 of 3 addresses not banned\n",
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = ringcast(t, "ban", "1.2.3.4/24", "--server", server)
	want = result{exitError, "", "ringcast: 1.2.3.4/24 has host bits set; do you mean 1.2.3.0/24? (INVALID_IP)\n"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPublishUsage(t *testing.T) {
	t.Parallel()
	ringcast(t, "publish").want(t, exitUsage, "", "give one type, not 0")
	ringcast(t, "publish", "a", "b").want(t, exitUsage, "", "give one type, not 2")
	ringcast(t, "publish", "a", "--data", "", "--file", "-").want(t, exitUsage, "", "give --data or --file, not both")
	server := new(fake).start(t)
	ringcastIn(t, strings.Repeat("a", maxEventFile+1), "publish", "a", "--file", "-", "--server", server).want(t, exitError, "", "- has more than 65536 bytes")
	ringcast(t, "publish", "a", "--file", "/no/such/file", "--server", server).want(t, exitError, "", "read data: open /no/such/file")
	ringcastIn(t, "a\xff", "publish", "a", "--file", "-", "--server", server).want(t, exitError, "", "the data is not UTF-8")
}

func TestTokenFiles(t *testing.T) {
	t.Parallel()
	server := new(fake).start(t)
	ringcastIn(t, " \n", "revoke", "--token-file", "-", "--server", server).want(t, exitError, "", "there is none")
	ringcastIn(t, strings.Repeat("a", maxTokenFile+1), "revoke", "--token-file", "-", "--server", server).want(t, exitError, "", "are no token")
	ringcast(t, "revoke", "--token-file", "/no/such/file", "--server", server).want(t, exitError, "", "/no/such/file")
}

func fiveBans() []*ringcastv1.Ban {
	bans := []*ringcastv1.Ban{
		ban("192.0.2.1", "abuse", 1), ban("192.0.2.2", "", 2), ban("192.0.2.3", "", 3), ban("192.0.2.4", "", 4), ban("2001:db8::/32", "last", 5),
	}
	bans[0].ExpiresAt = timestamppb.New(time.Now().Add(10*time.Minute - time.Second))
	bans[1].Automatic = true
	return bans
}

func TestBansPagesThroughAll(t *testing.T) {
	t.Parallel()
	server := (&fake{bans: fiveBans()}).start(t)
	r := ringcast(t, "bans", "--server", server)
	r.want(t, exitDone, "IP", "")
	lines := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
	if len(lines) != 6 || strings.Count(r.out, "POSITION") != 1 {
		t.Fatalf("want a header and five bans:\n%s", r.out)
	}
	if !regexp.MustCompile(`^192\.0\.2\.1 +\d{4}-\d\d-\d\dT\S+ +in 9m5\ds +operator +1 +abuse$`).MatchString(lines[1]) {
		t.Errorf("first ban is %q", lines[1])
	}
	if !regexp.MustCompile(`^192\.0\.2\.2 +\S+ +never +edge +2 +-$`).MatchString(lines[2]) {
		t.Errorf("second ban is %q", lines[2])
	}
}

func TestBansInJSON(t *testing.T) {
	t.Parallel()
	server := (&fake{bans: fiveBans()}).start(t)
	var list struct {
		Bans []map[string]any
		Next *string `json:"next_page_token"`
	}
	r := ringcast(t, "bans", "-o", "json", "--server", server)
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list.Bans) != 5 || list.Next == nil || *list.Next != "" {
		t.Fatalf("%v in %s", err, r.out)
	}
	if list.Bans[4]["create_time"] != "2025-11-21T10:00:00Z" || list.Bans[4]["position"] != "5" {
		t.Errorf("last ban is %v", list.Bans[4])
	}
	r = ringcast(t, "bans", "-o", "jsonl", "--limit", "3", "--server", server)
	if lines := strings.Split(r.out, "\n"); len(lines) != 4 || !json.Valid([]byte(lines[2])) || !strings.Contains(lines[2], `"ip":"192.0.2.3"`) {
		t.Errorf("want three lines:\n%s", r.out)
	}
}

func TestEmptyLists(t *testing.T) {
	t.Parallel()
	server := new(fake).start(t)
	ringcast(t, "bans", "--server", server).want(t, exitDone, "", "ringcast: no bans\n")
	ringcast(t, "allows", "--server", server).want(t, exitDone, "", "ringcast: no allow entries\n")
	ringcast(t, "allows", "-o", "json", "--server", server).want(t, exitDone, "\"allows\": []", "")
	ringcast(t, "bans", "--export", "--server", server).want(t, exitDone, "", "")
	ringcast(t, "revocations", "--server", server).want(t, exitDone, "", "ringcast: no revocations\n")
	ringcast(t, "bans", "-o", "jsonl", "--server", server).want(t, exitDone, "", "")
	ringcast(t, "bans", "-o", "json", "--server", server).want(t, exitDone, "\"bans\": []", "")
}

// hostile tries to clear the screen, to turn the direction of writing, to set
// the title by a C1 control, and to begin a line of its own.
const hostile = "a\x1b[2Jb\u202ec\u009d0;td\ne\tf\u2028g\x7f"

// Nothing that a server says steers the terminal, in any format.
func TestOutputIsSafeForTerminals(t *testing.T) {
	t.Parallel()
	f := &fake{
		bans:        []*ringcastv1.Ban{ban("192.0.2.1", hostile, 1)},
		allows:      []*ringcastv1.Allow{{Ip: "192.0.2.0/24", Reason: hostile}},
		revocations: []*ringcastv1.Revocation{{Of: &ringcastv1.Revocation_Subject{Subject: hostile}, Reason: hostile}},
		refuse:      func(string) error { return refusal(codes.InvalidArgument, hostile, hostile) },
		fakeFleet:   hostileFleet(),
	}
	server := f.start(t)
	unsafe := regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{202e}\x{2028}]`)
	for _, line := range []string{
		"bans", "allows", "revocations", "check 192.0.2.1", "check --jti j", "status", "ban 192.0.2.1", "ban 192.0.2.1 192.0.2.2",
		"edges", "edges x", "forget " + hostileName, "check 192.0.2.1 --everywhere", "unban 192.0.2.1 --wait", "unban 192.0.2.1 192.0.2.2 --wait=2",
	} {
		for _, format := range formats() {
			r := ringcast(t, append(strings.Fields(line), "-o", format, "--server", server)...)
			if at := unsafe.FindString(r.out + r.errOut); at != "" {
				t.Errorf("%s -o %s prints %q: %q %q", line, format, at, r.out, r.errOut)
			}
		}
	}
	r := ringcast(t, "bans", "--server", server)
	r.want(t, exitDone, "a[2Jbc0;td e f g\n", "")
	if strings.Count(r.out, "\n") != 2 {
		t.Errorf("a reason made a line of its own: %q", r.out)
	}
	var line struct{ Reason string }
	if err := json.Unmarshal([]byte(ringcast(t, "bans", "-o", "jsonl", "--server", server).out), &line); err != nil || line.Reason != hostile {
		t.Errorf("JSON lost something: %q, %v", line.Reason, err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	empty := new(fake).start(t)
	full := (&fake{
		bans:        []*ringcastv1.Ban{ban("192.0.2.0/24", "abuse", 1)},
		revocations: []*ringcastv1.Revocation{{Of: &ringcastv1.Revocation_Jti{Jti: "j"}, Reason: "stolen"}},
	}).start(t)
	office := []*ringcastv1.Allow{{Ip: "192.0.2.1", Reason: "office"}}
	allowed := (&fake{allows: office}).start(t)
	both := (&fake{allows: office, bans: []*ringcastv1.Ban{ban("192.0.2.0/24", "abuse", 1)}}).start(t)
	for name, test := range map[string]struct{ server, line, want string }{
		"allowed": {allowed, "check 192.0.2.1", "192.0.2.1  allowed  192.0.2.1  never  office\n"},
		"allowed, banned": {
			both, "check 192.0.2.1",
			"192.0.2.1  allowed             192.0.2.1     never  office\n192.0.2.1  ban without effect  192.0.2.0/24  never  abuse\n",
		},
		"allowed, JSON":    {both, "check 192.0.2.1 -o jsonl", `{"banned":false,"ban":{"ip":"192.0.2.0/24",`},
		"not banned":       {empty, "check 192.0.2.1", "192.0.2.1  not banned"},
		"banned":           {full, "check 192.0.2.1", "192.0.2.1  banned  192.0.2.0/24  never  abuse\n"},
		"not banned, JSON": {empty, "check 192.0.2.1 -o jsonl", `{"banned":false}` + "\n"},
		"not revoked":      {empty, "check --subject s", "subject s  not revoked"},
		"revoked":          {full, "check --jti j", "jti j  revoked  jti j             never  stolen\n"},
		"revoked, JSON":    {full, "check --jti j -o jsonl", `{"revoked":true,"revocation":{"jti":"j",`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ringcast(t, append(strings.Fields(test.line), "--server", test.server)...).want(t, exitDone, test.want, "")
		})
	}
}

func TestCheckTellsAllThatIsKnown(t *testing.T) {
	t.Parallel()
	f := new(fake)
	ringcastIn(t, "secret", "check", "--jti", "j", "--subject", "s", "--token-file", "-", "--server", f.start(t)).want(t, exitDone, "not revoked", "")
	want := &ringcastv1.CheckTokenRequest{Jti: "j", Subject: "s", Token: "secret"}
	if diff := cmp.Diff(proto.Message(want), f.asked(t), protocmp.Transform()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	server := new(fake).start(t)
	ringcast(t, "status", "--server", server).want(t, exitDone, "head            1152921504606846976\n", "")
	ringcast(t, "status", "--server", server).want(t, exitDone, "edges           4 known, of which 2 level\n", "")
	ringcast(t, "status", "-o", "jsonl", "--server", server).want(t, exitDone, `"head":"1152921504606846976"`, "")
}

func TestHealthcheckAsksByGRPC(t *testing.T) {
	t.Parallel()
	f := new(fake)
	server := f.start(t)
	ringcast(t, "healthcheck", "--server", server).want(t, exitDone, "SERVING\n", "")
	f.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	ringcast(t, "healthcheck", "--server", server).want(t, exitError, "", "answers NOT_SERVING")
}

func TestHealthcheckAsksByHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/readyz":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/moved":
			http.Redirect(w, r, "/healthz", http.StatusFound)
		}
	}))
	defer server.Close()
	ringcast(t, "healthcheck", "--url", server.URL+"/healthz").want(t, exitDone, "200 OK\n", "")
	ringcast(t, "healthcheck", "--url", server.URL+"/readyz").want(t, exitError, "", "503")
	ringcast(t, "healthcheck", "--url", server.URL+"/moved").want(t, exitError, "", "302")
	ringcast(t, "healthcheck", "--url", "http://"+closedPort(t)).want(t, exitUnreachable, "", "connection refused")
}
