package cache

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// headVersion names the encoding below. Entries in another are as good as absent.
const headVersion = 1

var errHead = errors.New("entry does not decode")

// flags of a freshness, as they are stored.
const (
	flagExplicit = 1 << iota
	flagValidate
	flagStrict
	flagFixed
	flagImmutable
)

// head encodes an entry without its key, generation and body.
func (e *Entry) head() []byte {
	b := []byte{headVersion}
	b = binary.AppendUvarint(b, uint64(e.status))
	b = binary.AppendUvarint(b, e.freshness.flags())
	for _, t := range []time.Time{e.freshness.born, e.beganAt, e.date} {
		b = binary.AppendVarint(b, t.UnixNano())
	}
	for _, d := range []time.Duration{e.freshness.lifetime, e.freshness.whileRevalidate, e.freshness.onError} {
		b = binary.AppendVarint(b, int64(d))
	}
	b = appendTexts(b, e.variant.names)
	b = appendTexts(b, e.variant.values)
	b = appendTexts(b, e.variant.raw)
	b = appendTexts(b, e.tags)
	b = binary.AppendUvarint(b, uint64(len(e.fields)))
	for _, f := range e.fields {
		b = appendTexts(appendText(b, f.Name), f.Values)
	}
	return b
}

// decodeHead is the reverse of head, for the entry of a URL whose fetch began at a
// generation. The entry has no body yet.
func decodeHead(url string, generation uint64, head []byte) (*Entry, error) {
	d := decoder{rest: head}
	if d.byte() != headVersion {
		return nil, errHead
	}
	e := &Entry{place: placeOf(url), began: generation, status: int(d.uint())}
	e.freshness.setFlags(d.uint())
	for _, t := range []*time.Time{&e.freshness.born, &e.beganAt, &e.date} {
		*t = time.Unix(0, d.int())
	}
	for _, p := range []*time.Duration{&e.freshness.lifetime, &e.freshness.whileRevalidate, &e.freshness.onError} {
		*p = time.Duration(d.int())
	}
	e.variant = variant{names: d.texts(), values: d.texts(), raw: d.texts()}
	e.tags = d.texts()
	for n := d.count(); n > 0 && !d.failed; n-- {
		e.fields = append(e.fields, Field{d.text(), d.texts()})
	}
	if d.failed || len(d.rest) > 0 || !e.variant.sound() {
		return nil, errHead
	}
	e.validators = newValidators(fieldList(e.fields), e.date)
	e.checked.Store(generation)
	return e, nil
}

func (v *variant) sound() bool {
	return len(v.names) == len(v.values) && len(v.names) == len(v.raw)
}

// id tells the variants of a URL apart. No field value has a line feed.
func (v *variant) id() string {
	return strings.Join(v.names, "\n") + "\n\n" + strings.Join(v.values, "\n")
}

func (f *freshness) flags() (n uint64) {
	for flag, set := range map[uint64]bool{
		flagExplicit: f.explicit, flagValidate: f.validate, flagStrict: f.strict,
		flagFixed: f.fixed, flagImmutable: f.immutable,
	} {
		if set {
			n |= flag
		}
	}
	return n
}

func (f *freshness) setFlags(n uint64) {
	f.explicit, f.validate, f.strict = n&flagExplicit != 0, n&flagValidate != 0, n&flagStrict != 0
	f.fixed, f.immutable = n&flagFixed != 0, n&flagImmutable != 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// decoder reads what the functions above append. After a failure it gives zeros.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) fail() { d.failed, d.rest = true, nil }

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.rest)
	return decoded(d, n, size)
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.rest)
	return decoded(d, n, size)
}

func decoded[T int64 | uint64](d *decoder, n T, size int) T {
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// count reads the length of a list or text. Each of its elements takes a byte at
// least, so that junk cannot ask for more memory than it takes itself.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.rest)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) texts() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, d.text())
	}
	return list
}
