package disk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// transaction writes one batch.
type transaction struct {
	*sql.Tx
	ctx    context.Context
	file   *file
	bound  [statements]*sql.Stmt
	config *Config
	// presence counts what is inserted at once, and what is gone after the commit.
	presence *presence
	gone     []int64 // hashes
	// counted: the count had ended when the transaction began, and so has seen what
	// is gone. One that ends meanwhile may have come by only after it went.
	counted bool
	// meta and clock are as they will be after the commit.
	meta    meta
	clock   int64
	evicted int64
	untidy  bool
	// oldest are the next to be evicted.
	oldest []int64
}

// commit writes the batch, all or nothing of it.
func (s *Store) commit(ctx context.Context, b *batch) error {
	w := &s.state
	if s.retired.Load() {
		w.untidy = false
		return nil
	}
	if b.empty() && b.floor == w.meta.floor && !w.untidy {
		return nil
	}
	t, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := t.write(b); err != nil {
		return errors.Join(err, t.Rollback())
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	s.committed(t)
	return nil
}

func (s *Store) begin(ctx context.Context) (*transaction, error) {
	counted := s.presence.counted.Load()
	tx, err := s.file.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	w := &s.state
	return &transaction{
		Tx: tx, ctx: ctx, file: s.file, config: &s.config, presence: s.presence, counted: counted,
		meta: w.meta, clock: max(w.clock, s.config.Now().Unix()), untidy: w.untidy,
	}, nil
}

func (s *Store) committed(t *transaction) {
	if t.counted {
		for _, hash := range t.gone {
			s.presence.remove(hash)
		}
	}
	w := &s.state
	w.meta, w.clock, w.untidy = t.meta, t.clock, t.untidy
	w.evicted.Add(t.evicted)
	w.publish()
}

// write puts the notes first: they are of records that are in the file.
func (t *transaction) write(b *batch) error {
	if b.floor > t.meta.floor {
		t.meta.floor, t.untidy = b.floor, true
	}
	t.meta.last = max(t.meta.last, b.last)
	if err := t.applyNotes(&b.notes); err != nil {
		return err
	}
	for _, c := range b.changes {
		if err := t.apply(c); err != nil {
			return err
		}
	}
	if err := t.tidy(); err != nil {
		return fmt.Errorf("tidy: %w", err)
	}
	return t.writeMeta()
}

// apply makes a URL's records those that the change wants, the newest of them.
func (t *transaction) apply(c *change) error {
	keys, err := t.keys(c)
	if err != nil {
		return fmt.Errorf("find variants: %w", err)
	}
	kept := len(c.puts)
	for _, k := range keys { // newest first
		if !c.replaces(k.id, k.variant) && kept < maxVariants {
			kept++
			continue
		}
		if err := t.remove(k.id); err != nil {
			return fmt.Errorf("remove: %w", err)
		}
	}
	for _, e := range c.puts {
		if err := t.insert(e); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
	}
	return nil
}

func (t *transaction) insert(e *entry) error {
	r, s, bytes := &e.record, e.stored(), size(&e.record)
	if err := t.makeRoom(bytes); err != nil {
		return err
	}
	hash := hashURL(s.URL)
	t.presence.add(hash)
	s.bodySum = sumBytes(r.Body)
	err := t.exec(insertHead, s.ID, s.URL, s.Variant, int64(s.Generation), s.SoftAt, notNil(s.Head),
		s.BodySize, s.bodySum, t.clock, s.sum(), hash, bytes)
	if err == nil && s.BodySize > 0 {
		err = t.exec(insertBody, s.ID, r.Body)
	}
	t.meta.generation = max(t.meta.generation, r.Generation)
	t.meta.entries++
	t.meta.bytes += bytes
	return err
}

// notNil keeps an empty value from becoming NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (t *transaction) writeMeta() error {
	m := &t.meta
	err := t.exec(updateMeta, m.last, m.floor, int64(m.generation), m.entries, m.bytes, m.sum())
	if err != nil {
		return fmt.Errorf("write totals: %w", err)
	}
	return nil
}

func (t *transaction) stmt(i statement) *sql.Stmt {
	if t.bound[i] == nil {
		t.bound[i] = t.StmtContext(t.ctx, t.file.stmts[i])
	}
	return t.bound[i]
}

func (t *transaction) exec(i statement, args ...any) error {
	_, err := t.stmt(i).ExecContext(t.ctx, args...)
	return err
}
