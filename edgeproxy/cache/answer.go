package cache

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// Question is how to ask the origin.
type Question struct {
	// Conditions are to be sent in place of the client's where one is set: the
	// origin is asked about what is stored.
	Conditions
	// Shared: the answer is not for this client alone, so that conditions of its own
	// (If-None-Match, If-Modified-Since) are not sent, nor is its Range.
	Shared bool
}

// FetchFunc asks the origin. Its context does not end with the client's, and it
// has that one's values. It may be called again after it returned a response with
// status 304, whose body has been closed then.
type FetchFunc func(ctx context.Context, q Question) (*Response, error)

// Answer is what to answer after a Fetch.
type Answer struct {
	// Entry has the status and header, nil where Own is set.
	Entry *Entry
	// Whole: the entry has its body, and Reply may be asked.
	Whole bool
	// Body is the content, which may still grow. A read error other than io.EOF
	// must reach the client as a broken transfer. The caller closes it.
	Body io.ReadCloser
	// Length of Body in bytes, -1 where it is not known.
	Length int64
	// Leads: the caller's own fetch brings it, and its header is all the client's.
	Leads bool
	// Own: the answer is the response that the caller's own fetch returned. Its
	// content is Body.
	Own bool
	// Outcome is final.
	Outcome Outcome
}

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
