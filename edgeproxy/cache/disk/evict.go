package disk

import (
	"fmt"

	"github.com/ringcast/ringcast/internal/sqlitedb"
)

const (
	// tidyRows bounds what one transaction removes that nobody waits for, so that
	// those who put have their turn.
	tidyRows = 512
	// evictRows is how many candidates are looked up at a time.
	evictRows = 32
)

// makeRoom evicts until a record of so many bytes fits.
func (t *transaction) makeRoom(bytes int64) error {
	for t.meta.entries+1 > t.config.MaxEntries || t.meta.bytes+bytes > t.config.MaxBytes {
		if err := t.evictOne(); err != nil {
			return fmt.Errorf("evict: %w", err)
		}
	}
	return nil
}

// evictOne removes a void record, or else the least recently used. What is
// inserted meanwhile is used last, and so the candidates stay the oldest.
func (t *transaction) evictOne() (err error) {
	if len(t.oldest) == 0 {
		if t.oldest, err = t.candidates(); err != nil {
			return err
		}
	}
	id := t.oldest[0]
	t.oldest = t.oldest[1:]
	before := t.meta.entries
	err = t.remove(id)
	t.evicted += before - t.meta.entries
	return err
}

func (t *transaction) candidates() ([]int64, error) {
	if ids, err := t.ints(selectVoid, t.meta.floor, evictRows); err != nil || len(ids) > 0 {
		return ids, err
	}
	ids, err := t.ints(selectOldest, evictRows)
	if err == nil && len(ids) == 0 {
		err = fmt.Errorf("%w: totals without records", sqlitedb.ErrDamaged)
	}
	return ids, err
}

// tidy removes some of the records that are void, and of those beyond a limit that
// was lowered.
func (t *transaction) tidy() error {
	if !t.untidy {
		return nil
	}
	void, err := t.ints(selectVoid, t.meta.floor, tidyRows)
	if err != nil {
		return err
	}
	for _, id := range void {
		if err := t.remove(id); err != nil {
			return err
		}
	}
	for n := len(void); n < tidyRows && t.config.exceeded(&t.meta); n++ {
		if err := t.evictOne(); err != nil {
			return err
		}
	}
	t.untidy = len(void) == tidyRows || t.config.exceeded(&t.meta)
	return nil
}

func (c *Config) exceeded(m *meta) bool { return m.entries > c.MaxEntries || m.bytes > c.MaxBytes }
