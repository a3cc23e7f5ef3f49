package deny

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	// tidyEvery is how often expired rows are looked for. Until then they cost a
	// look-up, never a wrong answer.
	tidyEvery = time.Minute
	// tidyMargin is how long after its end a row stays. It keeps a clock that jumps ahead
	// by less, and is set right again, from dropping what the log will not send a second
	// time. The rows that it keeps are those that ended within it.
	tidyMargin = time.Hour
	// tidyRows bounds how long one transaction of tidying holds the write lock.
	tidyRows = 1000
)

// Store runs changes of the list's own in transactions that follow one another,
// and publishes after the commit.
type Store interface {
	Update(ctx context.Context, change func(tx *sql.Tx) (publish func(), err error)) error
}

// Run builds the index, and then drops what expired tidyMargin ago and what a reset
// left over, until ctx is done. It returns nil. What goes wrong is logged and tried again a
// minute later; answers stay right meanwhile.
func (l *List) Run(ctx context.Context, store Store) error {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		if err := l.tidy(ctx, store); err != nil && ctx.Err() == nil {
			l.log.Error("tidying the deny list did not succeed and is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-l.switched:
		}
	}
}

func (l *List) tidy(ctx context.Context, store Store) error {
	return errors.Join(
		l.build(ctx),
		l.dropLeftover(ctx, store),
		l.expireBans(ctx, store),
		l.expireAllows(ctx, store),
		l.expireTokens(ctx, store),
	)
}

// expired is the Unix second up to which an end lies far enough back for its row to go.
func (l *List) expired() int64 { return l.now().Add(-tidyMargin).Unix() }

// wake makes Run tidy now.
func (l *List) wake() {
	select {
	case l.switched <- struct{}{}:
	default:
	}
}

// dropLeftover empties the slot that a switch left.
func (l *List) dropLeftover(ctx context.Context, store Store) error {
	return store.Update(ctx, func(tx *sql.Tx) (func(), error) {
		if l.aside != nil {
			return nil, nil
		}
		return nil, l.clear(ctx, tx)
	})
}
