package sqlite_test

import (
	"testing"

	"github.com/ringcast/ringcast/controlplane/eventlog/logtest"
	"github.com/ringcast/ringcast/controlplane/eventlog/sqlite"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	logtest.Run(t, func(o logtest.Options) (logtest.Log, error) {
		return sqlite.Open(t.Context(), sqlite.Config{
			Dir: o.Dir, Retention: o.Retention, Now: o.Now, Committed: o.Committed,
		})
	})
}
