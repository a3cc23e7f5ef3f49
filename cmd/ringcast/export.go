package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

// exportBans writes the bans in force, the first limit of them or all for 0, as
// ban --file reads them.
func (c *call) exportBans(ctx context.Context, limit int) error {
	return banListing(c).pages(ctx, limit, func(p page[*ringcastv1.Ban]) error {
		var text []byte
		for _, b := range p.entries {
			ban, err := c.listed(b)
			if err != nil {
				return err
			}
			text = append(appendLine(text, ban), '\n')
		}
		_, err := c.out.Write(text)
		return err
	})
}

func (c *call) listed(b *ringcastv1.Ban) (listedBan, error) {
	ip, err := wire.ParsePrefix(b.GetIp())
	if err != nil {
		return listedBan{}, fmt.Errorf("read answer: %w", err)
	}
	return listedBan{ip: ip, reason: b.GetReason(), ttl: c.left(b.GetExpiresAt()), automatic: b.GetAutomatic()}, nil
}

// left is the time to an end in whole seconds, rounded up, and 0 for none. It is
// never 0 for a ban that the control plane has in force by its own clock.
func (c *call) left(end *timestamppb.Timestamp) time.Duration {
	if end == nil {
		return 0
	}
	left := (end.AsTime().Sub(c.now()) + time.Second - 1).Truncate(time.Second)
	return max(left, minTTL)
}
