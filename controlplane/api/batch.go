package api

import (
	"context"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

type batchService struct {
	ringcastv1.UnimplementedBatchServiceServer
	log     eventlog.Log
	members batchMembers
}

// Apply implements ringcastv1.BatchServiceServer.
func (s *batchService) Apply(ctx context.Context, req *ringcastv1.ApplyRequest) (*ringcastv1.ApplyResponse, error) {
	mutations := make([]controlplane.Mutation, len(req.GetMutations()))
	for index, m := range req.GetMutations() {
		mutation, err := s.members.mutation(m)
		if err != nil {
			return nil, ofMember(index, err)
		}
		mutations[index] = mutation
	}
	batch, err := controlplane.NewBatch(mutations...)
	if err != nil {
		return nil, err
	}
	receipt, err := appendOne(ctx, s.log, ringcastv1.BatchService_Apply_FullMethodName, req, batch.Decide)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.ApplyResponse{
		Position: receipt.Position, Epoch: receipt.Epoch, Positions: adjacent(receipt.Position, len(mutations)),
	}, nil
}

// adjacent gives the n positions that end with last. Each mutation of a batch is one
// event, so a repeat, of which only the last is remembered, has the same.
func adjacent(last uint64, n int) []uint64 {
	positions := make([]uint64, n)
	for i := range positions {
		positions[i] = last - uint64(n-1-i)
	}
	return positions
}

// ofMember makes a refusal, by the domain or by the rules in the protos, that of one
// of a batch.
func ofMember(index int, err error) error {
	if refusal, ok := refusalIn(err); ok {
		return controlplane.Member(index, refusal)
	}
	return err
}
