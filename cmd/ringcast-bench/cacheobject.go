package main

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
)

const (
	// maxObject is the largest object, in bytes.
	maxObject = 1 << 20
	// bodyStarts is where in the pattern bodies begin, a prime: as many objects in a
	// row differ from their first bytes on.
	bodyStarts = 1_048_573
	// bodyStep is between the bodies of one object and the next.
	bodyStep = 61
	// taggedPrefix is the path of the objects that have the tag.
	taggedPrefix = "tagged/"
	// benchTag is that tag.
	benchTag = "bench"
)

// object is one of the origin's. Its path says all of it: /tagged/SIZE/ID.
type object struct {
	size, id int
	tagged   bool
}

func (o object) appendPath(b []byte) []byte {
	b = append(b, '/')
	if o.tagged {
		b = append(b, taggedPrefix...)
	}
	b = strconv.AppendInt(b, int64(o.size), 10)
	b = append(b, '/')
	return strconv.AppendInt(b, int64(o.id), 10)
}

// path is what a person reads.
func (o object) path() string { return string(o.appendPath(nil)) }

var errPath = errors.New("no path of an object")

func parseObject(path string) (o object, err error) {
	path, o.tagged = strings.CutPrefix(strings.TrimPrefix(path, "/"), taggedPrefix)
	size, id, _ := strings.Cut(path, "/")
	if o.size, err = strconv.Atoi(size); err != nil || o.size < 0 || o.size > maxObject {
		return o, errPath
	}
	if o.id, err = strconv.Atoi(id); err != nil || o.id < 0 {
		return o, errPath
	}
	return o, nil
}

// bodies are those of all objects: each is a part of one pattern of noise, so that
// none has to be made and each can be checked.
type bodies struct{ pattern []byte }

func newBodies() bodies {
	var seed [32]byte
	pattern := make([]byte, bodyStarts+maxObject)
	noise := rand.NewChaCha8(seed)
	for i := 0; i+8 <= len(pattern); i += 8 {
		binary.LittleEndian.PutUint64(pattern[i:], noise.Uint64())
	}
	return bodies{pattern}
}

func (b bodies) of(o object) []byte {
	start := o.id * bodyStep % bodyStarts
	return b.pattern[start : start+o.size]
}
