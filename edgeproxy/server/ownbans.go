package server

import (
	"context"
	"net/netip"
	"slices"

	"github.com/ringcast/ringcast/edgeproxy/autoban"
	"github.com/ringcast/ringcast/edgeproxy/deny"
	"github.com/ringcast/ringcast/edgeproxy/state"
)

// denyList is the deny list as automatic bans are made in it.
type denyList struct {
	list    *deny.List
	state   *state.State
	proxies []netip.Prefix
}

func (d denyList) Ban(ctx context.Context, bans []autoban.Ban) error {
	own := make([]deny.Ban, len(bans))
	for i, ban := range bans {
		own[i] = deny.Ban{Prefix: ban.Prefix, Reason: autoban.Reason, ExpiresAt: ban.End().Unix()}
	}
	return d.list.BanOwn(ctx, d.state, own...)
}

func (d denyList) Lift(ctx context.Context, prefix netip.Prefix) error {
	return d.list.LiftOwn(ctx, d.state, prefix)
}

func (d denyList) Banned(addr netip.Addr) (bool, error) {
	_, banned, err := d.list.Check(addr)
	return banned, err
}

func (d denyList) Own(prefix netip.Prefix) (bool, error) { return d.list.BannedByEdge(prefix) }

func (d denyList) Recorded(prefix netip.Prefix) (bool, error) { return d.list.BannedByLog(prefix) }

// Exempt keeps a proxy, which many clients come by, from being banned for one of them.
func (d denyList) Exempt(addr netip.Addr, prefix netip.Prefix) (bool, error) {
	if slices.ContainsFunc(d.proxies, prefix.Overlaps) {
		return true, nil
	}
	return d.list.Allowed(addr)
}
