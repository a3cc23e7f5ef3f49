package api

import (
	"bytes"
	"errors"
	"io"

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
		return explainJSON(data, message, err)
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
