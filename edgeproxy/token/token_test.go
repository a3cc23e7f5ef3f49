package token

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func hash(raw string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(raw))) }

func jwt(payload string) string {
	return "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func TestReadClaims(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload string
		want    Claims
	}{
		"all":                 {`{"jti":"a","sub":"u1","iat":1763719200}`, Claims{JTI: "a", Subject: "u1", IssuedAt: 1763719200}},
		"fraction":            {`{"iat":1763719200.9}`, Claims{IssuedAt: 1763719200}},
		"exponent":            {`{"iat":1.7637192e9}`, Claims{IssuedAt: 1763719200}},
		"escapes":             {`{"jti":"\u0061\n","s\u0075b":"é"}`, Claims{JTI: "a\n", Subject: "é"}},
		"last one counts":     {`{"jti":"a","jti":"b"}`, Claims{JTI: "b"}},
		"last one is odd":     {`{"jti":"a","jti":1}`, Claims{}},
		"case matters":        {`{"JTI":"a","Sub":"u","IAT":5}`, Claims{}},
		"wrong types":         {`{"jti":7,"sub":["u"],"iat":"5"}`, Claims{}},
		"null":                {`{"jti":null,"sub":null,"iat":null}`, Claims{}},
		"one type is wrong":   {`{"jti":{},"sub":"u","iat":5}`, Claims{Subject: "u", IssuedAt: 5}},
		"negative time":       {`{"iat":-5}`, Claims{}},
		"time out of range":   {`{"iat":1e300,"jti":"a"}`, Claims{JTI: "a"}},
		"time over all range": {`{"iat":1e999,"jti":"a"}`, Claims{JTI: "a"}},
		"nested":              {`{"x":{"jti":"a"}}`, Claims{}},
		"not an object":       {`["jti"]`, Claims{}},
		"trailing":            {`{"jti":"a"} {}`, Claims{}},
		"cut":                 {`{"jti":"a"`, Claims{}},
		"invalid UTF-8":       {"{\"jti\":\"a\xff\"}", Claims{}},
		"empty":               {``, Claims{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := jwt(c.payload)
			c.want.Hash = hash(raw)
			got, found := Read("Bearer " + raw)
			if !found {
				t.Fatal("no token found")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadJunkGivesTheHash(t *testing.T) {
	t.Parallel()
	good := jwt(`{"jti":"a"}`)
	for name, raw := range map[string]string{
		"opaque":         "2YotnFZFEjr1zCsicMWpAA",
		"two parts":      strings.TrimSuffix(good, ".c2ln"),
		"four parts":     good + ".x",
		"JWE":            "a.b." + good,
		"padding":        "x." + base64.URLEncoding.EncodeToString([]byte(`{"jti":"aa"}`)) + "=.y",
		"standard":       "x." + base64.RawStdEncoding.EncodeToString([]byte(`{"jti":"a>??>"}`)) + ".y",
		"line end":       strings.Replace(good, ".ey", ".e\ny", 1),
		"loose bits":     "x.eyJqdGkiOiJhIn1.y",
		"too long":       good + strings.Repeat("x", maxToken),
		"only dots":      "..",
		"inner space":    "a b",
		"nested deep":    jwt(strings.Repeat("[", 11000)),
		"escape is half": jwt(`{"jti":"\u00`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, found := Read("Bearer " + raw)
			if diff := cmp.Diff(Claims{Hash: hash(raw)}, got); diff != "" || !found {
				t.Errorf("found %v, %s", found, diff)
			}
		})
	}
}

func TestReadHeader(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Bearer x":     "x",
		"bearer x":     "x",
		"BEARER   x ":  "x",
		"Bearer \tx\t": "x",
		"Bearer\tx":    "x",
		"Bearer":       "",
		"Bearer ":      "",
		"Bearerx":      "",
		" Bearer x":    "",
		"Basic eDp5":   "",
		"DPoP x":       "",
		"":             "",
	} {
		got, found := Read(header)
		if found != (want != "") || found && got.Hash != hash(want) {
			t.Errorf("Read(%q) = %v, %v, want the token %q", header, got, found, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("Bearer " + jwt(`{"jti":"a","sub":"u","iat":5}`))
	f.Add("Bearer ..")
	f.Add("Bearer x.e30.y")
	f.Fuzz(func(t *testing.T, header string) {
		claims, found := Read(header)
		if !found {
			if claims != (Claims{}) {
				t.Fatalf("claims %+v without a token", claims)
			}
			return
		}
		if len(claims.Hash) != 64 || claims.IssuedAt < 0 || claims.IssuedAt > maxIssuedAt {
			t.Fatalf("%+v", claims)
		}
		if len(claims.JTI)+len(claims.Subject) > len(header) {
			t.Fatalf("%d bytes of claims from %d", len(claims.JTI)+len(claims.Subject), len(header))
		}
	})
}

func BenchmarkRead(b *testing.B) {
	header := "Bearer " + jwt(`{"iss":"https://id.example","jti":"0b5e","sub":"u1","iat":1763719200,"exp":1763722800,"scope":"read write"}`)
	b.ReportAllocs()
	for b.Loop() {
		Read(header)
	}
}
