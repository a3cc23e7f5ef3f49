package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

var noon = time.Date(2025, 11, 21, 12, 0, 0, 0, time.UTC)

func TestBanIsListedCheckedAndLifted(t *testing.T) {
	t.Parallel()
	e := startAt(t, (&clock{now: noon}).Now)
	banned, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: "::ffff:1.2.3.4", Reason: "abuse", Ttl: durationpb.New(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if banned.GetPosition() != 1 || banned.GetEpoch() == "" {
		t.Errorf("answer %v, want position 1 and an epoch", banned)
	}
	want := &ringcastv1.Ban{
		Ip: "1.2.3.4", Reason: "abuse", Position: 1,
		CreateTime: timestamppb.New(noon), ExpiresAt: timestamppb.New(noon.Add(time.Minute)),
	}
	list, err := e.bans.ListBans(t.Context(), &ringcastv1.ListBansRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&ringcastv1.ListBansResponse{Bans: []*ringcastv1.Ban{want}}, list, protocmp.Transform()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	check, err := e.bans.CheckIP(t.Context(), &ringcastv1.CheckIPRequest{Ip: "1.2.3.4"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&ringcastv1.CheckIPResponse{Banned: true, Ban: want}, check, protocmp.Transform()); diff != "" {
		t.Errorf("check (-want +got):\n%s", diff)
	}
	if _, err := e.bans.UnbanIP(t.Context(), &ringcastv1.UnbanIPRequest{Ip: "1.2.3.4"}); err != nil {
		t.Fatal(err)
	}
	if check, err = e.bans.CheckIP(t.Context(), &ringcastv1.CheckIPRequest{Ip: "1.2.3.4"}); err != nil || check.GetBanned() {
		t.Errorf("after the unban: check %v, %v", check, err)
	}
}

// TestOneFormOfAnAddress has it banned, asked for and lifted in every form that means it,
// as edges look for it.
func TestOneFormOfAnAddress(t *testing.T) {
	t.Parallel()
	e := start(t)
	forms := []string{"1.2.3.4", "::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "64:ff9b::102:304/128"}
	for i, form := range forms {
		if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: form}); err != nil {
			t.Fatal(err)
		}
		for _, asked := range forms {
			check, err := e.bans.CheckIP(t.Context(), &ringcastv1.CheckIPRequest{Ip: asked})
			if err != nil || !check.GetBanned() || check.GetBan().GetIp() != "1.2.3.4" {
				t.Errorf("%s is banned, %s is asked for: %v, %v", form, asked, check, err)
			}
		}
		if _, err := e.bans.UnbanIP(t.Context(), &ringcastv1.UnbanIPRequest{Ip: forms[len(forms)-1-i]}); err != nil {
			t.Fatal(err)
		}
		if check, err := e.bans.CheckIP(t.Context(), &ringcastv1.CheckIPRequest{Ip: form}); err != nil || check.GetBanned() {
			t.Errorf("%s after the unban: %v, %v", form, check, err)
		}
	}
}

// TestNoBanOfAllThatIsTranslated wants a ban or an entry that would cover nobody refused,
// and what an earlier version recorded to be lifted.
func TestNoBanOfAllThatIsTranslated(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, wide := range []string{"64:ff9b::/96", "64:ff9b::/103", "64:ff9b::c00:0/103", "64:ff9b::/32"} {
		if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: wide}); reasonOf(err) != "INVALID_IP" {
			t.Errorf("ban of %s: %v", wide, err)
		}
		if _, err := e.allows.AllowIP(t.Context(), &ringcastv1.AllowIPRequest{Ip: wide}); reasonOf(err) != "INVALID_IP" {
			t.Errorf("allow entry of %s: %v", wide, err)
		}
		if _, err := e.bans.UnbanIP(t.Context(), &ringcastv1.UnbanIPRequest{Ip: wide}); err != nil {
			t.Errorf("unban of %s: %v", wide, err)
		}
		if _, err := e.allows.RemoveAllow(t.Context(), &ringcastv1.RemoveAllowRequest{Ip: wide}); err != nil {
			t.Errorf("removal of %s: %v", wide, err)
		}
	}
}

func TestRESTAnswersAsTheContractHasThem(t *testing.T) {
	t.Parallel()
	e := startAt(t, (&clock{now: noon}).Now)
	empty := e.rest("GET", "/v1/bans", "")
	if want := `{"bans":[],"next_page_token":""}`; empty.text != want {
		t.Errorf("empty list is %s, want %s", empty.text, want)
	}
	ban := e.rest("POST", "/v1/bans", `{"ip":"2001:DB8::/32","reason":"abuse","ttl":"90s","requestId":"a"}`)
	if ban.status != http.StatusOK || ban.json["position"] != "1" || ban.json["epoch"] == nil {
		t.Fatalf("ban: %d %s", ban.status, ban.text)
	}
	want := `{"bans":[{"ip":"2001:db8::/32","reason":"abuse","create_time":"2025-11-21T12:00:00Z",` +
		`"expires_at":"2025-11-21T12:01:30Z","position":"1","automatic":false}],"next_page_token":""}`
	if got := e.rest("GET", "/v1/bans", ""); got.text != want {
		t.Errorf("list is\n%s\nwant\n%s", got.text, want)
	}
	if got := e.rest("GET", "/v1/bans:check?ip=2001:db8::1", ""); got.json["banned"] != true {
		t.Errorf("check: %s", got.text)
	}
	head, err := http.Head(e.url + "/v1/bans")
	if err != nil {
		t.Fatal(err)
	}
	head.Body.Close()
	if head.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %d", head.StatusCode)
	}
}

func TestCheckIPTellsTheMostSpecificLiveBan(t *testing.T) {
	t.Parallel()
	c := &clock{now: noon}
	e := startAt(t, c.Now)
	for _, ban := range []*ringcastv1.BanIPRequest{
		{Ip: "10.0.0.0/8"},
		{Ip: "10.1.0.0/16", Ttl: durationpb.New(time.Minute)},
		{Ip: "10.1.2.3", Automatic: true, Ttl: durationpb.New(30 * time.Second)},
	} {
		if _, err := e.bans.BanIP(t.Context(), ban); err != nil {
			t.Fatal(err)
		}
	}
	check := func(ip, want string) {
		t.Helper()
		got, err := e.bans.CheckIP(t.Context(), &ringcastv1.CheckIPRequest{Ip: ip})
		if err != nil {
			t.Fatal(err)
		}
		if got.GetBan().GetIp() != want || got.GetBanned() != (want != "") {
			t.Errorf("%s after %v: %v, want the ban of %q", ip, c.Now().Sub(noon), got, want)
		}
	}
	check("10.1.2.3", "10.1.2.3")
	check("10.1.2.0/24", "10.1.0.0/16")
	check("10.0.0.0/8", "10.0.0.0/8")
	check("11.0.0.0/8", "")
	c.advance(30 * time.Second)
	check("10.1.2.3", "10.1.0.0/16")
	c.advance(30 * time.Second)
	check("10.1.2.3", "10.0.0.0/8")
}

// TestDeleteRoutes holds what an address in a path can look like.
func TestDeleteRoutes(t *testing.T) {
	t.Parallel()
	e := start(t)
	for path, ip := range map[string]string{
		"/v1/bans/::1":                       "::1",
		"/v1/bans/%3A%3A1":                   "::1",
		"/v1/bans/1.2.3.4":                   "1.2.3.4",
		"/v1/bans/2001:db8::/32":             "2001:db8::/32",
		"/v1/bans/2001:db8::%2F32":           "2001:db8::/32",
		"/v1/bans/10.0.0.0%2F8":              "10.0.0.0/8",
		"/v1/bans/10.0.0.0/8":                "10.0.0.0/8",
		"/v1/bans?ip=10.0.0.0%2F8":           "10.0.0.0/8",
		"/v1/bans/::ffff:9.9.9.9?requestId=": "9.9.9.9",
	} {
		if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: ip}); err != nil {
			t.Fatal(err)
		}
		if got := e.rest("DELETE", path, ""); got.status != http.StatusOK {
			t.Errorf("DELETE %s: %d %s", path, got.status, got.text)
		}
		if check, err := e.bans.CheckIP(t.Context(), &ringcastv1.CheckIPRequest{Ip: ip}); err != nil || check.GetBanned() {
			t.Errorf("after DELETE %s: %v, %v", path, check, err)
		}
	}
}

// TestSketchRoutes sends what the original sketch's curl lines send, the media
// type that curl gives by itself included.
func TestSketchRoutes(t *testing.T) {
	t.Parallel()
	e := start(t)
	for i, call := range []struct{ path, body string }{
		{"/ban/ip", `{"ip":"1.2.3.4","reason":"abuse"}`},
		{"/unban/ip", `{"ip":"1.2.3.4"}`},
		{"/revoke/token", `{"jti":"a"}`},
		{"/invalidate", `{"tags":["posts:*"]}`},
		{"/preload", `{"routes":["/posts/1"]}`},
	} {
		got := e.rest("POST", call.path, call.body, "Content-Type", "application/x-www-form-urlencoded")
		if got.status != http.StatusOK || e.head() != uint64(i+1) {
			t.Errorf("POST %s: %d %s; head %d", call.path, got.status, got.text, e.head())
		}
	}
}
