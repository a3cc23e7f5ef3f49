package fleet

import "testing"

func TestQuorum(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 7, "all": 7, "live": 7, "1": 1, "12": 12, "1%": 1, "50%": 4, "90%": 7, "100%": 7} {
		q, err := ParseQuorum(text)
		if err != nil || q.of(7) != want {
			t.Errorf("%q: %d of 7, %v", text, q.of(7), err)
		}
		if again, err := ParseQuorum(q.String()); err != nil || again != q {
			t.Errorf("%q reads back as %q", text, again)
		}
	}
	for _, text := range []string{"0", "0%", "101%", "-1", "+1", "1.5", "%", "ALL", " all", "50 %", "100001", "99999999999999999999"} {
		if q, err := ParseQuorum(text); err == nil {
			t.Errorf("%q is %v", text, q)
		}
	}
}

func FuzzParseQuorum(f *testing.F) {
	for _, text := range []string{"", "all", "live", "3", "50%", "0%", "%%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQuorum(text)
		if err != nil {
			return
		}
		if again, err := ParseQuorum(q.String()); err != nil || again != q {
			t.Errorf("%q reads back as %q, %v", text, again, err)
		}
		if n := q.of(10); n < 1 || (q.kind != ofNumber && n > 10) {
			t.Errorf("%q is %d of 10", text, n)
		}
	})
}
