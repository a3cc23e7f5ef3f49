package cache

import (
	"net/textproto"
	"slices"
	"strings"

	"github.com/ringcast/ringcast/edgeproxy/cache/httpfield"
)

// Header holds a response's fields under their canonical names. http.Header can
// be converted to it.
type Header map[string][]string

// Values gives the lines of a field. The name is canonical.
func (h Header) Values(name string) []string { return h[name] }

// Field is a field of a stored response. Values must not be changed; to append to
// them makes a copy.
type Field struct {
	Name   string
	Values []string
}

// fieldList are fields ordered by name.
type fieldList []Field

// Values implements Fields.
func (l fieldList) Values(name string) []string {
	if i, found := l.find(name); found {
		return l[i].Values
	}
	return nil
}

func (l fieldList) find(name string) (i int, found bool) {
	return slices.BinarySearchFunc(l, name, func(f Field, name string) int { return strings.Compare(f.Name, name) })
}

// set replaces a field or adds it.
func set(fields []Field, name string, values ...string) []Field {
	i, found := fieldList(fields).find(name)
	if found {
		fields[i].Values = values
		return fields
	}
	return slices.Insert(fields, i, Field{name, values})
}

// perMessage are fields that speak of one message or connection and not of the
// response (RFC 9111, section 3.1). The cache computes the last two itself.
var perMessage = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
	"Proxy-Authentication-Info", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Age", "Content-Length",
}

// storedFields gives what is kept of a header, by name: not what is omitted.
func storedFields(h Header, omitted []string, exposeTags bool) []Field {
	dropped := append(slices.Clone(perMessage), omitted...)
	for name := range httpfield.ListElements(h.Values("Connection")) {
		dropped = append(dropped, textproto.CanonicalMIMEHeaderKey(name))
	}
	if !exposeTags {
		dropped = append(dropped, tagFields...)
	}
	fields, values := make([]Field, 0, len(h)+1), make([]string, 0, len(h)) // and perhaps a Date
	for name, lines := range h {
		if !slices.Contains(dropped, name) {
			values = append(values, lines...)
			fields = append(fields, Field{name, slices.Clip(values[len(values)-len(lines):])})
		}
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return fields
}
