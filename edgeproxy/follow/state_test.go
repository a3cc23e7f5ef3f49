package follow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ringcast/ringcast/edgeproxy"
	"github.com/ringcast/ringcast/internal/wire"
)

// fakeState writes down what it is told, and keeps a cursor as a state does.
type fakeState struct {
	mu      sync.Mutex
	calls   []string
	cursor  *wire.Cursor
	vouched time.Time
	refuse  error // what Apply and Aside answer to a ban of 9.9.9.9
}

func (s *fakeState) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
}

func (s *fakeState) called(call string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.calls, call)
}

func (s *fakeState) Cursor() (wire.Cursor, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cursor == nil {
		return wire.Cursor{}, false
	}
	return *s.cursor, true
}

func (s *fakeState) Instance() string { return "inst" }

func (s *fakeState) Vouched() time.Time { return s.vouched }

func (s *fakeState) SetVouched(_ context.Context, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vouched = at
	return nil
}

// Apply is all or nothing.
func (s *fakeState) Apply(_ context.Context, units []edgeproxy.Unit) error {
	for _, u := range units {
		if s.poisoned(u.Events) {
			return s.refuse
		}
	}
	for _, u := range units {
		s.note("apply %d %s", u.Position, names(u.Events))
		s.mu.Lock()
		s.cursor.Position = u.Position
		s.mu.Unlock()
	}
	return nil
}

func (s *fakeState) poisoned(events []any) bool {
	for _, e := range events {
		if b, ok := e.(*wire.IPBanned); ok && b.IP == "9.9.9.9" {
			return s.refuse != nil
		}
	}
	return false
}

func (s *fakeState) Gap(context.Context) error {
	s.note("gap")
	return nil
}

func (s *fakeState) BeginReset(context.Context) error {
	s.note("begin")
	return nil
}

func (s *fakeState) Aside(_ context.Context, events []any) error {
	s.note("aside %s", names(events))
	return nil
}

func (s *fakeState) Switch(_ context.Context, epoch string, position uint64) error {
	s.note("switch %s-%d", epoch, position)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = &wire.Cursor{Epoch: epoch, Position: position}
	return nil
}

func (s *fakeState) Abandon(context.Context) error {
	s.note("abandon")
	return nil
}

func names(events []any) string {
	var out []string
	for _, e := range events {
		switch e := e.(type) {
		case *wire.IPBanned:
			out = append(out, "+"+e.IP)
		case *wire.IPUnbanned:
			out = append(out, "-"+e.IP)
		default:
			out = append(out, fmt.Sprintf("%T", e))
		}
	}
	return strings.Join(out, ",")
}
