package main

import (
	"bytes"
	"strings"
	"testing"
)

// result is what a person sees of one command line.
type result struct {
	code        int
	out, errOut string
}

// ringcast runs one command line of the verbs, with nothing on standard input.
func ringcast(t testing.TB, args ...string) result {
	t.Helper()
	return ringcastIn(t, "", args...)
}

func ringcastIn(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := execute(t.Context(), strings.NewReader(stdin), &out, &errOut, args...)
	return result{code, out.String(), errOut.String()}
}

// want checks a result: the code, and what each stream contains or, where it is
// empty, that nothing is there.
func (r result) want(t testing.TB, code int, out, errOut string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d; stderr %q", r.code, code, r.errOut)
	}
	for name, pair := range map[string][2]string{"stdout": {r.out, out}, "stderr": {r.errOut, errOut}} {
		if got, want := pair[0], pair[1]; (want == "" && got != "") || !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
