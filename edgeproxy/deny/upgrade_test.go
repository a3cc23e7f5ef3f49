package deny

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/ringcast/ringcast/internal/wire"
)

// TestUpgradeFromSchema1 opens a file of the version that did not know allow entries,
// synced at 7f3a9c-42: what it denied is denied, and the log is asked for everything
// again.
func TestUpgradeFromSchema1(t *testing.T) {
	t.Parallel()
	f := &fixture{tb: t, clock: new(clock), path: filepath.Join(t.TempDir(), "state.db")}
	f.clock.seconds.Store(1000)
	data, err := os.ReadFile(filepath.Join("testdata", "schema1.sqlite"))
	f.must(err)
	f.must(os.WriteFile(f.path, data, 0o600))
	f.open()
	t.Cleanup(func() { f.state.Close() })

	if cursor, ok := f.state.Cursor(); !ok || cursor != (wire.Cursor{Epoch: "7f3a9c"}) {
		t.Errorf("cursor %v, %v", cursor, ok)
	}
	f.wantBan("1.2.3.4", Ban{Prefix: netip.MustParsePrefix("1.2.3.4/32"), Reason: "operator"})
	f.wantBan("10.9.9.9", Ban{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Origin: OriginAutomatic, Reason: "auto", ExpiresAt: 2000})
	f.wantBan("2001:db8::1", Ban{Prefix: netip.MustParsePrefix("2001:db8::/64"), Origin: OriginOwn, Reason: "own"})
	if _, revoked, err := f.list.CheckToken(Token{JTI: "a"}); !revoked || err != nil {
		t.Errorf("token: revoked %v, error %v", revoked, err)
	}
	f.apply(&wire.IPUnbanned{IP: "2001:db8::/64", Timestamp: 1}) // how old the ban is was not kept
	f.wantBan("2001:db8::1", Ban{})
	f.apply(&wire.IPBanned{IP: "1.2.3.4", Reason: "operator"}, &wire.IPAllowed{IP: "10.9.9.9"})
	f.wantBan("10.9.9.9", Ban{})
	f.reopen()
	f.wantBan("10.9.9.9", Ban{})
	f.wantBan("10.9.9.8", Ban{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Origin: OriginAutomatic, Reason: "auto", ExpiresAt: 2000})
}
