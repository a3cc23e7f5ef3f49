package token

import (
	"fmt"
	"testing"
)

func BenchmarkRemembered(b *testing.B) {
	r := newRig(b, nil)
	request := bearing(es256().sign(claimsOf()))
	b.ReportAllocs()
	for b.Loop() {
		if r.Check(b.Context(), request).Reason != Passed {
			b.Fatal("refused")
		}
	}
	if s := r.Stats(); s.Verified != 1 {
		b.Fatalf("verified %d times", s.Verified)
	}
}

func BenchmarkVerifyES256(b *testing.B) {
	r := newRig(b, nil)
	request := bearing(es256().sign(claimsOf()))
	sum := digestOf(request.Header["Authorization"][0][len("Bearer "):])
	b.ReportAllocs()
	for b.Loop() {
		if r.Check(b.Context(), request).Reason != Passed {
			b.Fatal("refused")
		}
		r.memory.forget(&sum)
	}
	if s := r.Stats(); s.Remembered != 0 {
		b.Fatalf("remembered %d times", s.Remembered)
	}
}

func BenchmarkVerifyRS256(b *testing.B) {
	r := newRig(b, nil)
	request := bearing(rs256().sign(claimsOf()))
	sum := digestOf(request.Header["Authorization"][0][len("Bearer "):])
	for b.Loop() {
		if r.Check(b.Context(), request).Reason != Passed {
			b.Fatal("refused")
		}
		r.memory.forget(&sum)
	}
}

// BenchmarkRefused is what junk costs an edge.
func BenchmarkRefused(b *testing.B) {
	r := newRig(b, nil)
	for name, raw := range map[string]string{
		"signature": es256().sign(claimsOf())[:200] + "AAAA",
		"kid":       es256().signJWS(`{"alg":"ES256","kid":"none"}`, claimsOf()),
		"junk":      "a.b.c",
	} {
		b.Run(name, func(b *testing.B) {
			request := bearing(raw)
			for b.Loop() {
				r.Check(b.Context(), request)
			}
		})
	}
}

// BenchmarkPath is the part of the policy, with eight prefixes.
func BenchmarkPath(b *testing.B) {
	var paths []string
	for i := range 8 {
		paths = append(paths, fmt.Sprintf("/service/%d=required", i))
	}
	p, err := newPolicy("optional", paths)
	if err != nil {
		b.Fatal(err)
	}
	for name, path := range map[string]string{
		"plain": "/service/3/items/17.json", "escaped": "/service/3/a%20b/items", "confusing": "/a/%2e%2e/%252f;x//./B\\..",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.mode(path)
			}
		})
	}
}
