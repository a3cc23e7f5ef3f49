package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// slowObject is object by the standard library's tokens.
func slowObject(data []byte) (map[string]string, bool) {
	if !utf8.Valid(data) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, false
	}
	members := make(map[string]string)
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		text, isString := name.(string)
		if !isString || decoder.Decode(&value) != nil {
			return nil, false
		}
		if _, twice := members[text]; twice || bytes.ContainsRune([]byte(text), utf8.RuneError) {
			return nil, false
		}
		members[text] = string(value)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return members, errors.Is(err, io.EOF)
}

func FuzzObject(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":1}`, ` { "a" : [ 1 , "]}" , {"b":"\"}"} ] , "c" : -1e5 , "d":{}}  `, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`,
		`{"":null,"\\":"\\"}`, `{"\ud800":1}`, `[]`, `{`, `{"a"}`, `{,}`, `{"a":1,}`, `{"a":1}}`, "{\"\xff\":1}", ``, `"`, `{"a":1} {}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, wantOK := slowObject(data)
		members, ok := object(data)
		if ok != wantOK {
			t.Fatalf("object(%q) is %v, want %v", data, ok, wantOK)
		}
		if !ok {
			return
		}
		got := make(map[string]string, len(members))
		for name, value := range members {
			got[name] = string(value)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
