package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// Reasons of refusals that are those of the audit alone.
const (
	reasonAddress = "INVALID_ADDRESS"
	reasonRPC     = "INVALID_RPC"
	reasonTime    = "INVALID_TIME"
)

// auditQuery has all of a request but its page.
func auditQuery(req *ringcastv1.ListAuditRequest) (q eventlog.AuditQuery, err error) {
	q = eventlog.AuditQuery{Principal: req.GetPrincipal(), RequestID: req.GetRequestId(), Contains: req.GetContains()}
	if q.Address, err = auditAddress(req.GetAddress()); err != nil {
		return q, err
	}
	if q.RPC, err = fullMethod(req.GetRpc()); err != nil {
		return q, err
	}
	if q.Since, err = auditTime("since", req.GetSince()); err != nil {
		return q, err
	}
	q.Until, err = auditTime("until", req.GetUntil())
	if rest := q.Until.Nanosecond(); rest > 0 {
		q.Until = q.Until.Add(time.Second - time.Duration(rest))
	}
	return q, err
}

// auditAddress is an address as the network gives it.
func auditAddress(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return "", controlplane.Errorf(controlplane.Invalid, reasonAddress, "address is no IPv4 or IPv6 address, without a prefix or a port")
	}
	return address.Unmap().String(), nil
}

// auditTime is absent or not before 1970, the zero time of Unix: no record is older.
func auditTime(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if err := t.CheckValid(); err != nil {
		return time.Time{}, controlplane.Errorf(controlplane.Invalid, reasonTime, "%s is no time from year 1 to 9999", field)
	}
	if t.GetSeconds() < 0 {
		return time.Unix(0, 0), nil
	}
	return t.AsTime(), nil
}

// fullMethod completes the name of a method, as the audit has it. A name with all
// its parts is taken as it is: a record may be of a method that is no more.
func fullMethod(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	name = strings.TrimPrefix(name, "/")
	service, method := path.Split(name)
	if service = strings.TrimSuffix(service, "/"); strings.Contains(service, ".") {
		return "/" + name, nil
	}
	full, ok := findMethod(service, method)
	if !ok {
		return "", controlplane.Errorf(controlplane.Invalid, reasonRPC, "no method has the name in rpc; one is BanIP, in full ringcast.v1.BanService/BanIP")
	}
	return full, nil
}

// findMethod looks through all services, or through one of them.
func findMethod(service, method string) (full string, found bool) {
	protoPackage := ringcastv1.File_ringcast_v1_audit_proto.Package()
	protoregistry.GlobalFiles.RangeFilesByPackage(protoPackage, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			s := file.Services().Get(i)
			if (service == "" || string(s.Name()) == service) && s.Methods().ByName(protoreflect.Name(method)) != nil {
				full, found = fmt.Sprintf("/%s/%s", s.FullName(), method), true
			}
		}
		return !found
	})
	return full, found
}

// auditCursors are the page tokens of the audit under one query's conditions.
type auditCursors struct{ pageTokens }

func auditTokens(epoch string, q eventlog.AuditQuery) auditCursors {
	conditions := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %d %d",
		q.Principal, q.Address, q.RPC, q.RequestID, q.Contains, q.Since.Unix(), q.Until.Unix()))
	return auditCursors{pageTokens{epoch: epoch, prefix: "audit/" + hex.EncodeToString(conditions[:]) + "/"}}
}

func (c auditCursors) format(place eventlog.AuditCursor) string {
	if place == (eventlog.AuditCursor{}) {
		return ""
	}
	return c.pageTokens.format(fmt.Sprintf("%s%d.%d", c.prefix, place.Time, place.ID))
}

func (c auditCursors) parse(token string) (place eventlog.AuditCursor, err error) {
	text, err := c.pageTokens.parse(token)
	if err != nil || token == "" {
		return place, err
	}
	if _, err := fmt.Sscanf(strings.TrimPrefix(text, c.prefix), "%d.%d", &place.Time, &place.ID); err != nil {
		return place, errPageToken()
	}
	return place, nil
}
