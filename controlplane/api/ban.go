package api

import (
	"context"
	"net/netip"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

type banService struct {
	ringcastv1.UnimplementedBanServiceServer
	log     eventlog.Log
	now     func() time.Time
	imports *imports
}

// BanIP implements ringcastv1.BanServiceServer.
func (s *banService) BanIP(ctx context.Context, req *ringcastv1.BanIPRequest) (*ringcastv1.BanIPResponse, error) {
	ban, err := newBan(req)
	if err != nil {
		return nil, err
	}
	receipt, err := appendOne(ctx, s.log, ringcastv1.BanService_BanIP_FullMethodName, req, ban.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.BanIPResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

// UnbanIP implements ringcastv1.BanServiceServer.
func (s *banService) UnbanIP(ctx context.Context, req *ringcastv1.UnbanIPRequest) (*ringcastv1.UnbanIPResponse, error) {
	unban, err := newUnban(req)
	if err != nil {
		return nil, err
	}
	receipt, err := appendOne(ctx, s.log, ringcastv1.BanService_UnbanIP_FullMethodName, req, unban.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.UnbanIPResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

// ListBans implements ringcastv1.BanServiceServer.
func (s *banService) ListBans(ctx context.Context, req *ringcastv1.ListBansRequest) (*ringcastv1.ListBansResponse, error) {
	bans, next, err := list(ctx, s.log, controlplane.BanPrefix, req, banOf)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.ListBansResponse{Bans: bans, NextPageToken: next}, nil
}

// CheckIP implements ringcastv1.BanServiceServer.
func (s *banService) CheckIP(ctx context.Context, req *ringcastv1.CheckIPRequest) (*ringcastv1.CheckIPResponse, error) {
	ip, err := parseIP(req.GetIp())
	if err != nil {
		return nil, err
	}
	ban, err := firstLive(ctx, s.log, s.now(), controlplane.CoveringBans(ip), banOf)
	if err != nil {
		return nil, err
	}
	allow, err := firstLive(ctx, s.log, s.now(), controlplane.CoveringAllows(ip), allowOf)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.CheckIPResponse{Banned: ban != nil && allow == nil, Ban: ban, Allow: allow}, nil
}

// ImportBans implements ringcastv1.BanServiceServer.
func (s *banService) ImportBans(stream importStream) error { return s.imports.serve(stream) }

func newBan(req *ringcastv1.BanIPRequest) (controlplane.Ban, error) {
	ip, err := parseNewIP(req.GetIp())
	return controlplane.Ban{
		IP: ip, Reason: req.GetReason(), TTL: req.GetTtl().AsDuration(),
		Automatic: req.GetAutomatic(), Override: req.GetOverride(),
	}, err
}

func newUnban(req *ringcastv1.UnbanIPRequest) (controlplane.Unban, error) {
	ip, err := parseIP(req.GetIp())
	return controlplane.Unban{IP: ip}, err
}

func parseIP(s string) (netip.Prefix, error) {
	ip, err := wire.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, controlplane.Errorf(controlplane.Invalid, controlplane.ReasonInvalidIP, "ip: %v", err)
	}
	return ip, nil
}

// parseNewIP is parseIP for what is to be recorded. What could never have an effect may
// be asked for, and lifted where an earlier version recorded it.
func parseNewIP(s string) (netip.Prefix, error) {
	ip, err := parseIP(s)
	if err == nil && wire.TranslatedTooWide(ip) {
		err = controlplane.Errorf(controlplane.Invalid, controlplane.ReasonInvalidIP,
			"ip: %s has translated IPv4 addresses in it (RFC 6052); name these as IPv4, /%d at the widest", ip, wire.MinPrefixBits4)
	}
	return ip, err
}

func banOf(event controlplane.Event) (*ringcastv1.Ban, error) {
	banned, err := decode[wire.IPBanned](event)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.Ban{
		Ip: banned.IP, Reason: banned.Reason, Automatic: banned.Automatic,
		CreateTime: timestampOf(event.Time), ExpiresAt: timestampOf(event.ExpiresAt),
		Position: event.Position,
	}, nil
}
