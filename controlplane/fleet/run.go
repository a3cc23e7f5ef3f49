package fleet

import (
	"context"
	"errors"
	"time"
)

// Run saves reports and forgets edges until ctx is done. It ends the waits then.
func (f *Fleet) Run(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			close(f.ended)
			return nil
		case <-tick.C:
			f.tidy(ctx)
		}
	}
}

func (f *Fleet) tidy(ctx context.Context) {
	f.dropDepartures()
	if err := f.save(ctx); err != nil && ctx.Err() == nil {
		f.cfg.Logger.Warn("reports of edges were not saved", "error", err)
	}
	if f.cfg.ForgetAfter == 0 {
		return
	}
	if err := f.forgetUnheard(ctx); err != nil && ctx.Err() == nil {
		f.cfg.Logger.Error("edges that are out of reach were not forgotten", "error", err)
	}
}

// Close saves what is left. It can be called again.
func (f *Fleet) Close() error {
	return errors.Join(f.save(context.Background()), f.saved.close())
}
