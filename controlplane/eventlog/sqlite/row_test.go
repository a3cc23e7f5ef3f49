package sqlite

import (
	"database/sql/driver"
	"slices"
	"testing"
)

// A damaged page can have values of any type, whatever the schema says: they are
// an error, never a panic or a zero in their place.
func TestRowTakesOnlyItsTypes(t *testing.T) {
	t.Parallel()
	good := []driver.Value{int64(7), int64(8), int64(0), int64(3), "ip_banned", int64(100), int64(0), "ban:1.2.3.4", []byte("{}"), ""}
	var r row
	if !r.take(good) || r.position != 7 || r.unit != 8 || r.audience != 3 || string(r.data) != "{}" {
		t.Fatalf("take gives %+v", r)
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] = nil
		if r.take(bad) {
			t.Errorf("column %d: NULL was taken", i)
		}
	}
}
