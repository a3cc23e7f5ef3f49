package deny

import (
	"hash/maphash"
	"net/netip"

	"github.com/gaissmai/bart"
)

// index tells what may be denied: exactly the prefixes and names that have rows,
// whether or not the rows have expired. With a million of each
// it takes up to 65 bytes a banned address or network and 40 a token.
type index struct {
	prefixes bart.Lite
	// allows has the end of each allow entry in Unix seconds; 0: none.
	allows bart.Table[int64]
	tokens map[uint64]struct{}
}

// change says whether a prefix, or a token where prefix is not valid, has rows.
type change struct {
	prefix  netip.Prefix
	token   uint64
	present bool
	// allow says that the rows are allow entries, and not bans.
	allow     bool
	expiresAt int64 // of an allow entry that is present
}

func newIndex() *index { return &index{tokens: make(map[uint64]struct{})} }

func (i *index) apply(changes []change) {
	for _, c := range changes {
		switch {
		case c.allow && c.present:
			i.allows.Insert(c.prefix, c.expiresAt)
		case c.allow:
			i.allows.Delete(c.prefix)
		case c.prefix.IsValid() && c.present:
			i.prefixes.Insert(c.prefix)
		case c.prefix.IsValid():
			i.prefixes.Delete(c.prefix)
		case c.present:
			i.tokens[c.token] = struct{}{}
		default:
			delete(i.tokens, c.token)
		}
	}
}

// match gives the longest prefix that covers addr.
func (i *index) match(addr netip.Addr) (netip.Prefix, bool) {
	if !i.prefixes.Contains(addr) {
		return netip.Prefix{}, false
	}
	return i.prefixes.LookupPrefixLPM(netip.PrefixFrom(addr, addr.BitLen()))
}

// allowed tells whether an entry that is live at the Unix second now covers addr.
func (i *index) allowed(addr netip.Addr, now int64) bool {
	if expiresAt, found := i.allows.Lookup(addr); !found || live(expiresAt, now) {
		return found
	}
	for _, expiresAt := range i.allows.Supernets(netip.PrefixFrom(addr, addr.BitLen())) {
		if live(expiresAt, now) {
			return true
		}
	}
	return false
}

func (i *index) hasToken(seed maphash.Seed, kind Kind, name string) bool {
	if name == "" || len(i.tokens) == 0 {
		return false
	}
	_, found := i.tokens[tokenSum(seed, kind, name)]
	return found
}

// tokenSum stands for a name in the index. Two names with one sum would cost a
// look-up in vain, and a wrong answer only once one of them is restored; the seed
// is secret and 64 bits make that rarer than a broken disk.
func tokenSum(seed maphash.Seed, kind Kind, name string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteString(string(kind))
	h.WriteByte(0)
	h.WriteString(name)
	return h.Sum64()
}
