package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// mutation is the request of every mutating RPC.
type mutation interface {
	proto.Message
	GetRequestId() string
}

// appendOne appends what one request asks for.
func appendOne(ctx context.Context, log eventlog.Log, rpc string, m mutation, decide controlplane.Decision) (eventlog.Receipt, error) {
	request, err := newRequest(ctx, rpc, m)
	if err != nil {
		return eventlog.Receipt{}, err
	}
	receipts, err := log.Append(ctx, decide, request)
	if err != nil {
		return eventlog.Receipt{}, fmt.Errorf("append: %w", err)
	}
	return receipts[0], nil
}

func newRequest(ctx context.Context, rpc string, m mutation) (eventlog.Request, error) {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return eventlog.Request{}, fmt.Errorf("digest request: %w", err)
	}
	detail, err := auditDetail(m)
	if err != nil {
		// Only a duration or time beyond its own type's range, which JSON callers
		// cannot even write.
		return eventlog.Request{}, controlplane.Errorf(controlplane.Invalid, reasonMalformed, "a duration or time in the request is not well-formed")
	}
	caller := controlplane.PrincipalFrom(ctx)
	return eventlog.Request{
		Principal: caller.Name,
		Address:   caller.Address,
		RPC:       rpc,
		ID:        m.GetRequestId(),
		Digest:    sha256.Sum256(append([]byte(rpc+"\x00"), content...)),
		Detail:    detail,
	}, nil
}

// Fields of which the audit has a hash alone.
const (
	// secretField is the field that holds a raw token in every message that has one.
	secretField protoreflect.Name = "token"
	// publishedField is large, and an application's own: it is not to be kept for as
	// long as the audit is.
	publishedField protoreflect.FullName = "ringcast.v1.PublishRequest.data"
)

// auditDetail is a request as JSON, tokens and published data in it replaced by
// their hashes.
func auditDetail(m proto.Message) (string, error) {
	m = proto.Clone(m)
	hideSecrets(m.ProtoReflect())
	return marshalJSON(protojson.MarshalOptions{UseProtoNames: true}, m)
}

// hideSecrets goes into the messages within m, too: a batch has requests in it.
func hideSecrets(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Name() == secretField || field.FullName() == publishedField:
			m.Set(field, protoreflect.ValueOfString("sha256:"+controlplane.TokenHash(value.String())))
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range value.List().Len() {
				hideSecrets(value.List().Get(i).Message())
			}
		default:
			hideSecrets(value.Message())
		}
		return true
	})
}

// marshalJSON undoes protojson's random spaces, so that what is stored, and
// what scripts compare, is the same each time.
func marshalJSON(options protojson.MarshalOptions, m proto.Message) (string, error) {
	data, err := options.Marshal(m)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		return "", err
	}
	return out.String(), nil
}
