package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// Limits on a request's body.
const (
	// bodyTimeout ends a body that trickles in.
	bodyTimeout = 30 * time.Second
	// maxDiscard is how much of a body that is too large is read and thrown away,
	// since a caller who is still writing would see a broken connection and not
	// the answer. Whoever sends more does see that.
	maxDiscard = 64 << 20
)

// prepare reads a request whole and takes from it what the gateway must not
// see: all headers, among them those that name another method, a deadline or
// metadata for the call.
func prepare(w http.ResponseWriter, r *http.Request) (*http.Request, *refusal) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, reasonMalformed, "the query is malformed: "+err.Error())
	}
	if !isUTF8(r.URL.Path, values) {
		return nil, refuse(http.StatusBadRequest, reasonMalformed, "the path or the query is not UTF-8")
	}
	body, refused := readBody(w, r)
	if refused != nil {
		return nil, refused
	}
	call := r.WithContext(context.WithValue(r.Context(), queryKey{}, query{values: values, method: r.Method}))
	if r.Method == http.MethodHead {
		call.Method = http.MethodGet // net/http leaves the body out.
	}
	call.Header = make(http.Header)
	call.Body = io.NopCloser(bytes.NewReader(body))
	return call, nil
}

func isUTF8(path string, values url.Values) bool {
	valid := utf8.ValidString(path)
	for name, list := range values {
		valid = valid && utf8.ValidString(name+strings.Join(list, ""))
	}
	return valid
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	tooLarge := refuse(http.StatusRequestEntityTooLarge, reasonTooLarge, sentenceTooLarge)
	if r.ContentLength > MaxMessageBytes && r.Header.Get("Expect") != "" {
		return nil, tooLarge // The caller waits for the word before it sends.
	}
	// What cannot set a deadline is no network connection.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(bodyTimeout))
	defer func() { _ = conn.SetReadDeadline(time.Time{}) }()
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxMessageBytes+1))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, reasonMalformed, "the body did not arrive whole")
	}
	if len(body) > MaxMessageBytes {
		_, _ = io.CopyN(io.Discard, r.Body, maxDiscard)
		return nil, tooLarge
	}
	return body, nil
}

// queryKey is where prepare leaves the query for checkQuery.
type queryKey struct{}

type query struct {
	values url.Values
	method string
}

// checkQuery refuses what the gateway passes over in silence: parameters that name
// no field, or one that the path has set, and all of them where the body is the
// message.
func checkQuery(ctx context.Context, req any) error {
	q, _ := ctx.Value(queryKey{}).(query)
	for name := range q.values {
		if !q.sets(ctx, name, req) {
			sentence := fmt.Sprintf("the query has a parameter that this method does not take: %.64q", name)
			return newStatus(codes.InvalidArgument, reasonMalformed, sentence).Err()
		}
	}
	return nil
}

// sets tells whether a parameter sets a field of the message.
func (q query) sets(ctx context.Context, name string, req any) bool {
	message, ok := req.(proto.Message)
	if !ok || q.method == http.MethodPost {
		return false
	}
	fields := message.ProtoReflect().Descriptor().Fields()
	field := fields.ByTextName(name)
	if field == nil {
		field = fields.ByJSONName(name)
	}
	if field == nil {
		return false
	}
	pattern, _ := runtime.HTTPPathPattern(ctx)
	return !strings.Contains(pattern, "{"+string(field.Name())+"=") && !strings.Contains(pattern, "{"+string(field.Name())+"}")
}
