package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

type tokenService struct {
	ringcastv1.UnimplementedTokenServiceServer
	log eventlog.Log
	now func() time.Time
	// life is Config.MaxTokenLife.
	life time.Duration
}

// RevokeToken implements ringcastv1.TokenServiceServer.
func (s *tokenService) RevokeToken(ctx context.Context, req *ringcastv1.RevokeTokenRequest) (*ringcastv1.RevokeTokenResponse, error) {
	revocation := newRevocation(req, s.life)
	receipt, err := appendOne(ctx, s.log, ringcastv1.TokenService_RevokeToken_FullMethodName, req, revocation.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.RevokeTokenResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

// RestoreToken implements ringcastv1.TokenServiceServer.
func (s *tokenService) RestoreToken(ctx context.Context, req *ringcastv1.RestoreTokenRequest) (*ringcastv1.RestoreTokenResponse, error) {
	restoration := newRestoration(req)
	receipt, err := appendOne(ctx, s.log, ringcastv1.TokenService_RestoreToken_FullMethodName, req, restoration.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.RestoreTokenResponse{Position: receipt.Position, Epoch: receipt.Epoch}, nil
}

// ListRevocations implements ringcastv1.TokenServiceServer.
func (s *tokenService) ListRevocations(ctx context.Context, req *ringcastv1.ListRevocationsRequest) (*ringcastv1.ListRevocationsResponse, error) {
	revocations, next, err := list(ctx, s.log, controlplane.TokenPrefix, req, revocationOf)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.ListRevocationsResponse{Revocations: revocations, NextPageToken: next}, nil
}

// CheckToken implements ringcastv1.TokenServiceServer.
func (s *tokenService) CheckToken(ctx context.Context, req *ringcastv1.CheckTokenRequest) (*ringcastv1.CheckTokenResponse, error) {
	events, err := s.log.Latest(ctx, entitiesOf(req)...)
	if err != nil {
		return nil, fmt.Errorf("read revocations: %w", err)
	}
	now := s.now()
	for _, event := range events {
		if !event.Live(now) {
			continue
		}
		revocation, err := revocationOf(event)
		if err != nil {
			return nil, err
		}
		if covers(revocation, req.GetIssuedAt()) {
			return &ringcastv1.CheckTokenResponse{Revoked: true, Revocation: revocation}, nil
		}
	}
	return &ringcastv1.CheckTokenResponse{}, nil
}

// covers tells whether a revocation that names the token refuses it: for a
// subject, where it was issued up to and including the moment's second, or
// nobody knows when.
func covers(r *ringcastv1.Revocation, issued *timestamppb.Timestamp) bool {
	return r.GetIssuedBefore() == nil || issued == nil || issued.GetSeconds() <= r.GetIssuedBefore().GetSeconds()
}

// entitiesOf names every revocation that could cover the token, the narrowest
// first.
func entitiesOf(req *ringcastv1.CheckTokenRequest) []string {
	var entities []string
	for _, ref := range []wire.TokenRef{
		{JTI: req.GetJti()}, tokenRef("", "", req.GetToken(), ""), {Subject: req.GetSubject()},
	} {
		if ref != (wire.TokenRef{}) {
			entities = append(entities, controlplane.TokenEntity(ref))
		}
	}
	return entities
}

func newRevocation(req *ringcastv1.RevokeTokenRequest, life time.Duration) controlplane.Revocation {
	return controlplane.Revocation{
		Token:  tokenRef(req.GetJti(), req.GetSubject(), req.GetToken(), ""),
		Reason: req.GetReason(), TTL: req.GetTtl().AsDuration(), Life: life,
	}
}

func newRestoration(req *ringcastv1.RestoreTokenRequest) controlplane.Restoration {
	return controlplane.Restoration{Token: tokenRef(req.GetJti(), req.GetSubject(), req.GetToken(), req.GetTokenHash())}
}

// tokenRef names a token by whichever is set; a raw token by its hash.
func tokenRef(jti, subject, token, hash string) wire.TokenRef {
	if token != "" {
		hash = controlplane.TokenHash(token)
	}
	return wire.TokenRef{JTI: jti, Subject: subject, TokenHash: strings.ToLower(hash)}
}

func revocationOf(event controlplane.Event) (*ringcastv1.Revocation, error) {
	revoked, err := decode[wire.TokenRevoked](event)
	if err != nil {
		return nil, err
	}
	revocation := &ringcastv1.Revocation{
		Reason:     revoked.Reason,
		CreateTime: timestampOf(event.Time), ExpiresAt: timestampOf(event.ExpiresAt),
		Position: event.Position,
	}
	switch {
	case revoked.JTI != "":
		revocation.Of = &ringcastv1.Revocation_Jti{Jti: revoked.JTI}
	case revoked.Subject != "":
		revocation.Of = &ringcastv1.Revocation_Subject{Subject: revoked.Subject}
		revocation.IssuedBefore = timestampOf(time.Unix(revoked.IssuedBefore, 0))
	default:
		revocation.Of = &ringcastv1.Revocation_TokenHash{TokenHash: revoked.TokenHash}
	}
	return revocation, nil
}
