package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestCommandIsAnArrayOfBulkStrings(t *testing.T) {
	t.Parallel()
	const want = "*2\r\n$3\r\nGET\r\n$11\r\nban:1.2.3.4\r\n"
	if got := appendCommandTo(nil, "GET", "ban:1.2.3.4"); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, value string
		found, ok   bool
	}{
		{"$-1\r\n", "", false, true},
		{"$5\r\nabuse\r\n", "abuse", true, true},
		{"$0\r\n\r\n", "", true, true},
		{"+OK\r\n", "OK", true, true},
		{"-ERR wrong\r\n", "", false, false},
		{":1\r\n", "", false, false},
		{"$x\r\n", "", false, false},
		{"$9999999\r\n", "", false, false},
		{"$5\r\nabu", "", false, false},
		{"\n", "", false, false},
		{"", "", false, false},
	} {
		c := &redisConn{reader: bufio.NewReader(strings.NewReader(tt.text))}
		value, found, err := c.readReply()
		if string(value) != tt.value || found != tt.found || (err == nil) != tt.ok {
			t.Errorf("%q: got %q, found %t, error %v", tt.text, value, found, err)
		}
	}
}
