package cache

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// stored answers with a complete entry.
func (c *Cache) stored(e *Entry, o Outcome) *Answer {
	body := &storedBody{bytes.NewReader(e.body), c.Sending(e)}
	return &Answer{Entry: e, Whole: true, Body: body, Length: int64(len(e.body)), Outcome: o}
}

// storedBody is held until it is closed.
type storedBody struct {
	*bytes.Reader
	done func()
}

// Close can be called again.
func (b *storedBody) Close() error {
	b.done()
	return nil
}

// share answers from a flight that others may read as well.
func (c *Cache) share(s *seeker, f *flight, r *reader, leads bool) *Answer {
	o := s.decision.Outcome
	o.Status, o.Stored, o.Collapsed = f.status, leads && f.stored, !leads
	if f.confirmed {
		f.part(r, leads)
		return c.stored(f.entry, o)
	}
	return &Answer{Entry: f.entry, Leads: leads, Body: r, Length: f.length, Outcome: o}
}

// own answers the leader with a response that nobody else gets. From now on the
// fetch ends with the leader's request.
func (s *seeker) own(ctx context.Context, f *flight, r *reader) *Answer {
	resp := f.take()
	o := s.decision.Outcome
	o.Status = resp.Status
	return &Answer{Own: true, Length: resp.Length, Outcome: o, Body: &ownBody{
		Reader: resp.Body, close: resp.Body.Close, reader: r,
		stop: context.AfterFunc(ctx, f.cancel),
	}}
}

// ownBody ends the fetch when it is closed.
type ownBody struct {
	io.Reader
	close  func() error
	reader *reader
	stop   func() bool
	once   sync.Once
}

// Close can be called again.
func (b *ownBody) Close() (err error) {
	b.once.Do(func() {
		b.stop()
		err = b.close()
		_ = b.reader.Close() // never fails
	})
	return err
}
