package main

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// maxPage is the most entries that the API gives at once.
const maxPage = 1000

// page is a part of a list.
type page[T any] struct {
	entries []T
	next    string // asks for the page after; empty on the last
}

// listing is how one kind of thing is listed.
type listing[T proto.Message] struct {
	plural string
	header []string
	row    func(printer, T) []string
	fetch  func(ctx context.Context, size int32, token string) (page[T], error)
	answer func(page[T]) proto.Message // the list as REST gives it
}

// print lists the first limit entries, or all of them for 0. Tables and lines
// are printed page by page; -o json is one object and so waits for the last.
func (l listing[T]) print(ctx context.Context, c *call, limit int) error {
	var whole page[T]
	printed := 0
	err := l.pages(ctx, limit, func(p page[T]) error {
		if c.printer.format == formatJSON {
			whole.entries, whole.next = append(whole.entries, p.entries...), p.next
			return nil
		}
		printed += len(p.entries)
		return l.printPage(c.printer, p, printed == len(p.entries))
	})
	switch {
	case err != nil:
		return err
	case c.printer.format == formatJSON:
		return c.printer.message(l.answer(whole))
	case c.printer.format == formatTable && printed == 0:
		c.note("no %s", l.plural)
	}
	return nil
}

func (l listing[T]) pages(ctx context.Context, limit int, use func(page[T]) error) error {
	for token, n := "", 0; ; {
		size := maxPage
		if limit > 0 {
			size = min(maxPage, limit-n)
		}
		p, err := l.fetch(ctx, int32(size), token)
		if err != nil {
			return err
		}
		if err := use(p); err != nil {
			return err
		}
		token, n = p.next, n+len(p.entries)
		if token == "" || (limit > 0 && n >= limit) {
			return nil
		}
	}
}

func (l listing[T]) printPage(out printer, p page[T], first bool) error {
	if out.format == formatTable {
		return l.printRows(out, p, first)
	}
	for _, entry := range p.entries {
		if err := out.message(entry); err != nil {
			return err
		}
	}
	return nil
}

func (l listing[T]) printRows(out printer, p page[T], first bool) error {
	var rows [][]string
	if first && len(p.entries) > 0 {
		rows = append(rows, l.header)
	}
	for _, entry := range p.entries {
		rows = append(rows, l.row(out, entry))
	}
	return out.table(rows...)
}
