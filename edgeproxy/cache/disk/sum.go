package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
)

// rowOverhead is about what a record takes in the file beside its key, head and
// body: its numbers, two index entries, and its part of what pages leave empty.
const rowOverhead = 256

// size is what a record counts against MaxBytes, in bytes.
func size(r *Record) int64 {
	return int64(rowOverhead + len(r.URL) + len(r.Variant) + len(r.Head) + len(r.Body))
}

// hashURL is a hash for which nobody can make up many URLs that share one value.
func hashURL(url string) int64 {
	sum := sha256.Sum256([]byte(url))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// castagnoli has instructions of its own on amd64 and arm64, and so costs less
// than to copy what it sums.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func sumBytes(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

// sum covers everything that a lookup gives, and so the body by its size and sum.
func (s *Stored) sum() uint32 {
	b := make([]byte, 0, 64+len(s.URL)+len(s.Variant))
	b = appendInts(b, s.ID, int64(s.Generation), s.SoftAt, s.BodySize, int64(s.bodySum))
	b = appendString(b, s.URL)
	b = appendString(b, s.Variant)
	return crc32.Update(sumBytes(b), castagnoli(), s.Head)
}

func (m *meta) sum() uint32 {
	b := appendInts(nil, m.last, m.floor, int64(m.generation), m.entries, m.bytes)
	return sumBytes(appendString(b, m.instance))
}

func appendInts(b []byte, values ...int64) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// appendString adds the length too, so that no two lists of strings look alike.
func appendString(b []byte, s string) []byte {
	return append(appendInts(b, int64(len(s))), s...)
}
