package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// maxAuditCell bounds a request in a table, in characters: that of an import is
// pages long. The other formats have all of it.
const maxAuditCell = 200

func auditCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List who asked for which mutations",
		Long: "List the requests behind every mutation that was accepted, the latest first: who asked, from where, what for, and\n" +
			"where it is in the log. Conditions narrow the list; all that are given must be met. Records are kept for the\n" +
			"control plane's --audit-retention. A table cuts long requests off; -o json and -o jsonl do not.",
		Example: "  ringcast audit --since 1h\n" +
			"  ringcast audit --rpc BanIP --contains 203.0.113.7\n" +
			"  ringcast audit --since 2026-01-02T15:04:05Z --until 2026-01-03T00:00:00Z -o jsonl | jq .request",
	}
	limit := limitFlag(cmd)
	request := auditFlags(cmd, a.now)
	return a.verb(cmd, func(ctx context.Context, c *call, _ []string) error {
		return auditListing(c, request).print(ctx, c, *limit)
	})
}

// auditFlags adds the conditions of a list of records. The request has them once
// the arguments were checked.
func auditFlags(cmd *cobra.Command, now func() time.Time) *ringcastv1.ListAuditRequest {
	request := new(ringcastv1.ListAuditRequest)
	flags := cmd.Flags()
	flags.StringVar(&request.Principal, "principal", "", "asked by this principal")
	flags.StringVar(&request.Address, "address", "", "asked from this address")
	flags.StringVar(&request.Rpc, "rpc", "", "asked by this method, such as BanIP or BanService/BanIP")
	flags.StringVar(&request.RequestId, "request-id", "", "asked under this request id")
	flags.StringVar(&request.Contains, "contains", "", "with this text in the request: an address, a tag, a reason")
	since := flags.String("since", "", "accepted then or later: a time ago, such as 1h, or a time, such as 2026-01-02T15:04:05Z")
	until := flags.String("until", "", "accepted before then, in the same form")
	cmd.Args = cobra.MatchAll(cmd.Args, usageArgs(func(*cobra.Command, []string) (err error) {
		began := now() // one for both
		if request.Since, err = moment("--since", *since, began); err != nil {
			return err
		}
		if request.Until, err = moment("--until", *until, began); err != nil {
			return err
		}
		if *since != "" && *until != "" && !request.Since.AsTime().Before(request.Until.AsTime()) {
			return errors.New("--until is not after --since")
		}
		return nil
	}))
	return request
}

// moment reads a time, or how long it is ago; an empty text is none.
func moment(flag, text string, now time.Time) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return timestamppb.New(now.Add(-ago)), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("%s is %q; it is a time ago, such as 90m, or a time, such as 2026-01-02T15:04:05Z", flag, text)
	}
	return timestamppb.New(at), nil
}

func auditListing(c *call, conditions *ringcastv1.ListAuditRequest) listing[*ringcastv1.AuditRecord] {
	audit := ringcastv1.NewAuditServiceClient(c.conn)
	return listing[*ringcastv1.AuditRecord]{
		plural: "audit records",
		header: []string{"TIME", "PRINCIPAL", "ADDRESS", "RPC", "POSITION", "REQUEST ID", "REQUEST"},
		row: func(_ printer, r *ringcastv1.AuditRecord) []string {
			return []string{
				since(r.GetTime()), r.GetPrincipal(), r.GetAddress(), r.GetRpc(),
				strconv.FormatUint(r.GetPosition(), 10), r.GetRequestId(), auditCell(r.GetRequest()),
			}
		},
		fetch: func(ctx context.Context, size int32, token string) (page[*ringcastv1.AuditRecord], error) {
			request := proto.CloneOf(conditions)
			request.PageSize, request.PageToken = size, token
			r, err := invoke(ctx, c, audit.ListAudit, request)
			return page[*ringcastv1.AuditRecord]{r.GetRecords(), r.GetNextPageToken()}, err
		},
		answer: func(p page[*ringcastv1.AuditRecord]) proto.Message {
			return &ringcastv1.ListAuditResponse{Records: p.entries, NextPageToken: p.next}
		},
	}
}

// auditCell is a request on one line, without the request id, which has a column.
func auditCell(request *structpb.Struct) string {
	fields := request.AsMap()
	delete(fields, "request_id")
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // a query has & in it
	if err := encoder.Encode(fields); err != nil {
		return "" // JSON has no NaN, and so no request from it
	}
	cell := []rune(string(cleanJSON(bytes.TrimSpace(text.Bytes()))))
	if len(cell) > maxAuditCell {
		cell = append(cell[:maxAuditCell], '…')
	}
	return string(cell)
}
