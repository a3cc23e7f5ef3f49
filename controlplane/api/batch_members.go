package api

import (
	"time"

	"github.com/ringcast/ringcast/controlplane"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// reasonMemberRequestID is the one for a request id that breaks its rule, too.
const reasonMemberRequestID = "INVALID_REQUEST_ID"

// batchMembers makes the domain's mutations of a batch's. Each is checked as a
// request of its own is.
type batchMembers struct {
	rules rules
	// life is Config.MaxTokenLife.
	life time.Duration
}

// mutation gives the one that is set.
func (b batchMembers) mutation(m *ringcastv1.Mutation) (controlplane.Mutation, error) {
	switch of := m.GetOf().(type) {
	case *ringcastv1.Mutation_BanIp:
		return member(b.rules, of.BanIp, newBan)
	case *ringcastv1.Mutation_UnbanIp:
		return member(b.rules, of.UnbanIp, newUnban)
	case *ringcastv1.Mutation_AllowIp:
		return member(b.rules, of.AllowIp, newAllow)
	case *ringcastv1.Mutation_RemoveAllow:
		return member(b.rules, of.RemoveAllow, newRemoveAllow)
	case *ringcastv1.Mutation_RevokeToken:
		return member(b.rules, of.RevokeToken, func(req *ringcastv1.RevokeTokenRequest) (controlplane.Revocation, error) {
			return newRevocation(req, b.life), nil
		})
	case *ringcastv1.Mutation_RestoreToken:
		return member(b.rules, of.RestoreToken, func(req *ringcastv1.RestoreTokenRequest) (controlplane.Restoration, error) {
			return newRestoration(req), nil
		})
	case *ringcastv1.Mutation_Invalidate:
		return member(b.rules, of.Invalidate, newInvalidation)
	case *ringcastv1.Mutation_Preload:
		return member(b.rules, of.Preload, newPreload)
	case *ringcastv1.Mutation_Publish:
		return member(b.rules, of.Publish, newPublication)
	default:
		return nil, controlplane.Errorf(controlplane.Invalid, controlplane.ReasonNothingSelected, "name a mutation, such as ban_ip")
	}
}

// member checks a request and gives what make does of it.
func member[R mutation, M controlplane.Mutation](rules rules, req R, make func(R) (M, error)) (controlplane.Mutation, error) {
	if req.GetRequestId() != "" {
		return nil, controlplane.Errorf(controlplane.Invalid, reasonMemberRequestID,
			"a mutation of a batch has no request_id of its own; give one to the batch")
	}
	if err := rules.Validate(req); err != nil {
		return nil, err
	}
	return make(req)
}
