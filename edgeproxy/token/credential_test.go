package token

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCredential(t *testing.T) {
	t.Parallel()
	type want struct {
		raw string
		ok  bool
	}
	for name, row := range map[string]struct {
		header http.Header
		want   want
	}{
		"nothing":                {http.Header{}, want{"", true}},
		"bearer":                 {http.Header{"Authorization": {"bEaReR x"}}, want{"x", true}},
		"another scheme":         {http.Header{"Authorization": {"Basic eDp5"}}, want{"", true}},
		"empty":                  {http.Header{"Authorization": {"Bearer "}}, want{"", true}},
		"two fields":             {http.Header{"Authorization": {"Bearer x", "Bearer x"}}, want{"", false}},
		"two schemes":            {http.Header{"Authorization": {"Basic eDp5", "Bearer x"}}, want{"", false}},
		"cookie":                 {http.Header{"Cookie": {"a=b; id=x; c=d"}}, want{"x", true}},
		"cookie in quotes":       {http.Header{"Cookie": {`id="x"`}}, want{"x", true}},
		"cookie, another name":   {http.Header{"Cookie": {"ID=x; xid=y; idx=z; id"}}, want{"", true}},
		"cookie empty":           {http.Header{"Cookie": {"id="}}, want{"", true}},
		"cookie empty and not":   {http.Header{"Cookie": {"id=; id=x"}}, want{"", false}},
		"two cookies":            {http.Header{"Cookie": {"id=x; id=y"}}, want{"", false}},
		"two equal cookies":      {http.Header{"Cookie": {"id=x;id=x"}}, want{"", false}},
		"two cookie fields":      {http.Header{"Cookie": {"id=x", "id=y"}}, want{"", false}},
		"cookie in another's":    {http.Header{"Cookie": {`a="; id=x; "; id=y`}}, want{"", false}},
		"both, the same":         {http.Header{"Authorization": {"Bearer x"}, "Cookie": {"id=x"}}, want{"x", true}},
		"both, different":        {http.Header{"Authorization": {"Bearer x"}, "Cookie": {"id=y"}}, want{"", false}},
		"bearer, cookie empty":   {http.Header{"Authorization": {"Bearer x"}, "Cookie": {"id="}}, want{"x", true}},
		"another scheme, cookie": {http.Header{"Authorization": {"Basic eDp5"}, "Cookie": {"id=x"}}, want{"x", true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, ok := credential(row.header, "id")
			if (want{raw, ok}) != row.want {
				t.Errorf("credential is %q, %v, want %+v", raw, ok, row.want)
			}
		})
	}
	if raw, ok := credential(http.Header{"Cookie": {"id=x; id=y"}}, ""); raw != "" || !ok {
		t.Errorf("without a cookie's name: %q, %v", raw, ok)
	}
}

func TestCheckAmbiguous(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Cookie = "id" })
	good, other := es256().sign(claimsOf()), es256().sign(claimsOf(`"sub":"u2"`))
	for _, header := range []http.Header{
		{"Authorization": {"Bearer " + good, "Bearer " + other}},
		{"Authorization": {"Bearer " + good}, "Cookie": {"id=" + other}},
		{"Cookie": {"id=" + good + "; id=" + other}},
	} {
		if verdict := r.Check(t.Context(), Request{"/", header}); verdict.Reason != Ambiguous || verdict.Failure() != Invalid {
			t.Errorf("%d fields, verdict %+v", len(header), verdict)
		}
	}
	if verdict := r.Check(t.Context(), Request{"/", http.Header{"Cookie": {"id=" + good}}}); verdict.Subject != "u1" {
		t.Errorf("by cookie: %+v", verdict)
	}
}

// TestOff has every token looked at, none verified.
func TestOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Mode, c.Cookie = "off", "id" })
	one, two, three := jwt(`{"jti":"a","exp":1}`), "opaque", jwt(`{"sub":"u"}`)
	verdict := r.Check(t.Context(), Request{"/", http.Header{
		"Authorization": {"Bearer " + one, "Basic x", "bearer " + two}, "Cookie": {"id=; id=" + three},
	}})
	want := Verdict{Claims: []Claims{{JTI: "a", Hash: hash(one)}, {Hash: hash(two)}, {Subject: "u", Hash: hash(three)}}}
	if diff := cmp.Diff(want, verdict); diff != "" {
		t.Error(diff)
	}
	many := slices.Repeat([]string{"Bearer x"}, maxPresented+1)
	if verdict := r.Check(t.Context(), Request{"/", http.Header{"Authorization": many}}); verdict.Reason != Ambiguous {
		t.Errorf("%d tokens: %+v", len(many), verdict)
	}
	if s := r.Stats(); s.Unverified != 1 || s.Refused[Ambiguous] != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestOptional(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Mode, c.Paths = "optional", []string{"/in=required", "/out=off"} })
	good := es256().sign(claimsOf())
	for _, row := range []struct {
		path, raw string
		want      Reason
	}{
		{"/", "", Passed}, {"/", "junk", Malformed}, {"/", good, Passed},
		{"/in/x", "", NoToken}, {"/in/x", "junk", Malformed}, {"/in/x", good, Passed},
		{"/out", "", Passed}, {"/out", "junk", Passed}, {"/out/%2e%2e/in", "junk", Malformed},
	} {
		request := bearing(row.raw)
		request.Path = row.path
		if got := r.Check(t.Context(), request); got.Reason != row.want {
			t.Errorf("%s with %.10q: %+v, want %s", row.path, row.raw, got, row.want)
		}
	}
	if s := r.Stats(); s.Anonymous != 1 || s.Unverified != 2 || s.Verified != 1 || s.Remembered != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	codes := map[Failure]string{None: "", Missing: "token_missing", Invalid: "token_invalid", Expired: "token_expired", KeysUnavailable: "keys_unavailable"}
	for reason := Passed; reason < reasons; reason++ {
		failure := reason.Failure()
		if reason.String() == "" || failure.String() != codes[failure] {
			t.Errorf("reason %q is %q", reason, failure)
		}
		challenge := failure.Challenge()
		if is401 := failure == Missing || failure == Invalid || failure == Expired; strings.HasPrefix(challenge, "Bearer") != is401 {
			t.Errorf("challenge of %q is %q", failure, challenge)
		}
	}
	if Missing.Challenge() != "Bearer" {
		t.Error("an error where there are no credentials")
	}
}
