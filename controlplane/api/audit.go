package api

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
	"github.com/ringcast/ringcast/internal/wire"
)

type auditService struct {
	ringcastv1.UnimplementedAuditServiceServer
	log eventlog.Log
}

// ListAudit implements ringcastv1.AuditServiceServer.
func (s *auditService) ListAudit(ctx context.Context, req *ringcastv1.ListAuditRequest) (*ringcastv1.ListAuditResponse, error) {
	head, err := s.log.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read head: %w", err)
	}
	query, err := auditQuery(req)
	if err != nil {
		return nil, err
	}
	tokens := auditTokens(head.Epoch, query)
	if query.After, err = tokens.parse(req.GetPageToken()); err != nil {
		return nil, err
	}
	query.Limit = cmp.Or(int(req.GetPageSize()), defaultPageSize)
	page, err := s.log.Audit(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list audit: %w", err)
	}
	records, err := auditRecords(page.Records, head.Epoch)
	if err != nil {
		return nil, err
	}
	return &ringcastv1.ListAuditResponse{Records: records, NextPageToken: tokens.format(page.Next)}, nil
}

func auditRecords(records []eventlog.AuditRecord, epoch string) ([]*ringcastv1.AuditRecord, error) {
	messages := make([]*ringcastv1.AuditRecord, len(records))
	for i, r := range records {
		detail := new(structpb.Struct)
		if err := protojson.Unmarshal([]byte(r.Detail), detail); err != nil {
			return nil, fmt.Errorf("decode audit record at %d: %w: %w", r.Position, wire.ErrUndecodable, err)
		}
		messages[i] = &ringcastv1.AuditRecord{
			Time: timestamppb.New(r.Time), Principal: r.Principal, Address: r.Address,
			Rpc: strings.TrimPrefix(r.RPC, "/"), Position: r.Position, Epoch: epoch, RequestId: r.RequestID, Request: detail,
		}
	}
	return messages, nil
}
