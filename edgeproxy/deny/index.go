package deny

import (
	"hash/maphash"
	"net/netip"

	"github.com/gaissmai/bart"
)

// index tells what may be denied: exactly the prefixes and names that have rows,
// whether or not the rows have expired. It takes about 60 bytes a prefix and 20 a
// token.
type index struct {
	prefixes bart.Lite
	tokens   map[uint64]struct{}
}

// change says whether a prefix, or a token where prefix is not valid, has rows.
type change struct {
	prefix  netip.Prefix
	token   uint64
	present bool
}

func newIndex() *index { return &index{tokens: make(map[uint64]struct{})} }

func (i *index) apply(changes []change) {
	for _, c := range changes {
		switch {
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
