package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// errNotMessage is for what the gateway never asks for: bodies that are part of
// a message.
var errNotMessage = errors.New("not a message")

// jsonCodec reads and writes messages as JSON. Answers have the proto's own
// names, and fields that have their default. Requests may have either names,
// and nothing unknown, twice, or after the end.
type jsonCodec struct{}

var _ runtime.Marshaler = jsonCodec{}

// ContentType implements runtime.Marshaler.
func (jsonCodec) ContentType(any) string { return "application/json" }

// Marshal implements runtime.Marshaler.
func (jsonCodec) Marshal(v any) ([]byte, error) {
	message, ok := v.(proto.Message)
	if !ok {
		return nil, errNotMessage
	}
	text, err := marshalJSON(protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}, message)
	return []byte(text), err
}

// Unmarshal implements runtime.Marshaler. Its errors are sentences without any
// part of a value, which may be a secret.
func (jsonCodec) Unmarshal(data []byte, v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return errNotMessage
	}
	if err := protojson.Unmarshal(data, message); err != nil {
		return explainJSON(err)
	}
	return nil
}

// NewDecoder implements runtime.Marshaler. An empty body is io.EOF, which the
// gateway takes for a message without fields.
func (c jsonCodec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(data)) == 0 {
			return io.EOF
		}
		return c.Unmarshal(data, v)
	})
}

// NewEncoder implements runtime.Marshaler.
func (c jsonCodec) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		data, err := c.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
}

// What protojson's errors tell apart from values. Where they should ever read
// otherwise, a sentence says less, and nothing else changes.
var (
	jsonPlace = regexp.MustCompile(`\(line (\d+:\d+)\)`)
	jsonField = regexp.MustCompile(`(unknown|duplicate) field "([^"]{1,64})"`)
	jsonValue = regexp.MustCompile(`invalid value for \S+ field (\w{1,64})`)
	jsonForm  = regexp.MustCompile(`invalid google\.protobuf\.(Duration|Timestamp) value`)
	jsonOneof = regexp.MustCompile(`oneof \S+ is already set`)
)

func explainJSON(err error) error {
	text, where := err.Error(), ""
	if m := jsonPlace.FindStringSubmatch(text); m != nil {
		where = ", at line " + m[1] + ","
	}
	if m := jsonField.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("the body has%s the %s field %q", where, m[1], m[2])
	}
	if m := jsonValue.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("the body has%s a value of the wrong type or form for %s", where, m[1])
	}
	if m := jsonForm.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("the body has%s a value that is not a %s", where, strings.ToLower(m[1]))
	}
	if jsonOneof.MatchString(text) {
		return fmt.Errorf("the body has%s a second field where only one may be set", where)
	}
	return fmt.Errorf("the body is not JSON of the form that this method takes%s", strings.TrimSuffix(where, ","))
}
