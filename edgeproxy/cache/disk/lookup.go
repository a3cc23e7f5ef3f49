package disk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

// Heads gives what is stored for a URL, newest first, at most one of each variant
// and at most 16 in all. Every Put, Remove and Clear that returned before counts,
// written or not. Where the file is damaged nothing is stored.
func (s *Store) Heads(ctx context.Context, url string) ([]Stored, error) {
	if s.retired.Load() {
		return nil, nil
	}
	view := s.queue.view(url)
	hash := hashURL(url)
	if !s.presence.mayHave(hash) {
		return view.over(nil), nil
	}
	stored, err := s.heads(ctx, maxVariants, selectByURL, hash, url, view.from)
	if err != nil {
		return nil, s.readError("read cached heads", err)
	}
	return view.over(stored), nil
}

// Scan gives up to limit records in the order of their ids, from the first above
// after; fewer than limit are the last ones. Those still queued are not among them,
// and a round over all may miss those written meanwhile.
func (s *Store) Scan(ctx context.Context, after int64, limit int) ([]Stored, error) {
	if s.retired.Load() {
		return nil, nil
	}
	from := s.queue.view("").from
	stored, err := s.heads(ctx, limit, selectAfter, max(after, from-1))
	if err != nil {
		return nil, s.readError("scan cache file", err)
	}
	return stored, nil
}

// heads gives up to limit sound heads. Those that are not are removed.
func (s *Store) heads(ctx context.Context, limit int, query statement, args ...any) (stored []Stored, err error) {
	rows, err := s.file.stmts[query].QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for len(stored) < limit && rows.Next() {
		head, sound, err := scanHead(ctx, rows)
		if err != nil {
			return nil, err
		}
		if !sound {
			s.distrust(head.ID, head.URL)
			continue
		}
		stored = append(stored, head)
	}
	return stored, rows.Err()
}

// Body gives the body of a record that Heads or Scan gave, or ErrGone, and notes
// that it was used. The bytes must not be changed.
func (s *Store) Body(ctx context.Context, of Stored) ([]byte, error) {
	if of.queued != nil {
		return of.queued.Body, nil
	}
	if s.retired.Load() {
		return nil, ErrGone
	}
	if s.config.Now().Unix()-of.used >= int64(UsedEvery.Seconds()) {
		s.Used(of.ID)
	}
	if of.BodySize == 0 {
		return nil, nil
	}
	return s.body(ctx, of)
}

func (s *Store) body(ctx context.Context, of Stored) (body []byte, err error) {
	err = s.file.stmts[selectBody].QueryRowContext(ctx, of.ID).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrGone
	}
	if err != nil {
		if err := s.readError("read cached body", err); err != nil {
			return nil, err
		}
		return nil, ErrGone
	}
	if int64(len(body)) != of.BodySize || sumBytes(body) != of.bodySum {
		s.distrust(of.ID, of.URL)
		return nil, ErrGone
	}
	return body, nil
}

// readError gives nil for damage, after which nothing is found any more.
func (s *Store) readError(what string, err error) error {
	if sqlitedb.IsDamaged(err) {
		s.retire(err)
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
