package wire_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

func TestParseCursor(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("z9", 16)
	for id, want := range map[string]wire.Cursor{
		"7f3a9c-42":               {Epoch: "7f3a9c", Position: 42},
		"a-0":                     {Epoch: "a"},
		longest + "-1":            {Epoch: longest, Position: 1},
		"e-18446744073709551615":  {Epoch: "e", Position: math.MaxUint64},
		"42":                      {Position: 42},
		"0":                       {},
		"18446744073709551615":    {Position: math.MaxUint64},
		"7f3a9c-0000000000000042": {Epoch: "7f3a9c", Position: 42},
	} {
		got, err := wire.ParseCursor(id)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", id, got, err, want)
		}
	}
}

func TestCursorString(t *testing.T) {
	t.Parallel()
	for want, cursor := range map[string]wire.Cursor{
		"7f3a9c-42":              {Epoch: "7f3a9c", Position: 42},
		"e-18446744073709551615": {Epoch: "e", Position: math.MaxUint64},
		"42":                     {Position: 42},
		"0":                      {},
	} {
		if got := cursor.String(); got != want {
			t.Errorf("%+v: %q, want %q", cursor, got, want)
		}
		if got := string(cursor.Append([]byte("id="))); got != "id="+want {
			t.Errorf("%+v appended: %q, want %q", cursor, got, "id="+want)
		}
	}
}

func TestParseCursorRefuses(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", " ", "-", "-42", "7f3a9c-", "7f3a9c", "latest",
		"7f3a9c--42", "7f3a9c-4-2", "7f3a9c-+42", "7f3a9c-0x2a", "7f3a9c-4_2", "7f3a9c-4.2", "7f3a9c-42 ", " 7f3a9c-42",
		"7F3A9C-42", "7f 3a-42", "7f3å-42", "7f\n3a-42", "7f\x00-42", "7f_3a-42",
		strings.Repeat("a", 33) + "-1",
		"18446744073709551616", "7f3a9c-18446744073709551616", "-1", "+1", "٤٢", "7f3a9c-٤٢", "1e3",
	} {
		if got, err := wire.ParseCursor(id); !errors.Is(err, wire.ErrCursor) || got != (wire.Cursor{}) {
			t.Errorf("%q: %+v, %v", id, got, err)
		}
	}
}

// FuzzParseCursor wants whatever parses to print as something that parses to the
// same and is short.
func FuzzParseCursor(f *testing.F) {
	for _, seed := range []string{"7f3a9c-42", "42", "a-0007", "-1", "a-18446744073709551616", "A-1", "a--1", "\x00-1", ""} {
		f.Add(seed)
	}
	const longest = 32 + len("-18446744073709551615")
	f.Fuzz(func(t *testing.T, id string) {
		cursor, err := wire.ParseCursor(id)
		if err != nil {
			if !errors.Is(err, wire.ErrCursor) {
				t.Fatalf("%q: %v is no ErrCursor", id, err)
			}
			return
		}
		text := cursor.String()
		again, err := wire.ParseCursor(text)
		if err != nil || again != cursor {
			t.Errorf("%q printed as %q parses to %+v, %v; want %+v", id, text, again, err, cursor)
		}
		if len(text) > longest {
			t.Errorf("%q printed as %d bytes", id, len(text))
		}
	})
}
