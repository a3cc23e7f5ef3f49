package server_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain wants every server that was opened to end whole.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
