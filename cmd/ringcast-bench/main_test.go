package main

import (
	"os"
	"strings"
	"testing"
)

// TestMain makes the test the program, too, for those children that are this program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
