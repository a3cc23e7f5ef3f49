package autoban

import (
	"context"
	"fmt"
)

// enforce waits for a ban and puts it in force, with those that wait behind it, in one
// transaction. An error says that some were not made; they are dropped.
func (w *Warden) enforce(ctx context.Context) error {
	var batch []Ban
	select {
	case <-ctx.Done():
		return nil
	case ban := <-w.queue:
		batch = append(batch, ban)
	}
	for len(batch) < maxBatch && len(w.queue) > 0 {
		batch = append(batch, <-w.queue)
	}
	due, err := w.due(batch)
	if err != nil || len(due) == 0 {
		return err
	}
	if err := w.bans.Ban(ctx, due); err != nil {
		w.dropAll(due)
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	w.made(due)
	return nil
}

// due gives the bans that are to be made.
func (w *Warden) due(batch []Ban) (due []Ban, err error) {
	for i, ban := range batch {
		needed, err := w.needed(ban)
		if err != nil {
			w.dropAll(due)
			w.dropAll(batch[i:])
			return nil, fmt.Errorf("look up client: %w", err)
		}
		if needed {
			due = append(due, ban)
		} else {
			w.counter.Settle(ban, false)
		}
	}
	return due, nil
}

// needed tells whether the client is to be banned and is not yet: requests that were
// under way when it was may have failed since.
func (w *Warden) needed(ban Ban) (bool, error) {
	exempt, err := w.bans.Exempt(ban.Addr, ban.Prefix)
	if err != nil {
		return false, err
	}
	if exempt {
		w.exempt.Add(1)
		return false, nil
	}
	banned, err := w.bans.Banned(ban.Addr)
	return !banned, err
}

// made is told of bans that are in force.
func (w *Warden) made(bans []Ban) {
	w.banned.Add(uint64(len(bans)))
	for _, ban := range bans {
		w.counter.Settle(ban, true)
		if w.reporter != nil {
			w.reporter.add(ban)
		}
	}
	w.log.Info("banned automatically", "clients", len(bans), "first", bans[0].Prefix, "until", bans[0].End())
}

func (w *Warden) dropAll(bans []Ban) {
	for _, ban := range bans {
		w.drop(ban)
	}
}
