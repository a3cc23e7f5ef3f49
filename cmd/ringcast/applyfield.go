package main

import (
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Errors here never have a value in them, which may be a token.

// decodeMessage sets the fields of a message by what a mapping has under their
// names, those of the protos or as JSON has them. Unknown and repeated ones are
// errors, and so is a second one of a oneof.
func decodeMessage(node *yaml.Node, m protoreflect.Message) error {
	if node.Kind != yaml.MappingNode {
		return atLine(node, "want fields with values, such as ip: 192.0.2.1")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field, err := settable(key, m)
		if err != nil {
			return err
		}
		v, err := decodeField(value, field, m)
		if err != nil {
			return err
		}
		m.Set(field, v)
	}
	return nil
}

// settable finds the field of a name, where it may be set.
func settable(key *yaml.Node, m protoreflect.Message) (protoreflect.FieldDescriptor, error) {
	fields := m.Descriptor().Fields()
	field := fields.ByTextName(key.Value)
	if field == nil {
		field = fields.ByJSONName(key.Value)
	}
	if field == nil {
		return nil, atLine(key, "there is no field %q here", key.Value)
	}
	if field.Name() == "request_id" {
		return nil, atLine(key, "a mutation of a batch has no request_id of its own; use --request-id")
	}
	if m.Has(field) {
		return nil, atLine(key, "%s is there twice", key.Value)
	}
	if one := field.ContainingOneof(); one != nil && !one.IsSynthetic() {
		if other := m.WhichOneof(one); other != nil {
			return nil, atLine(key, "%s and %s: only one may be given here", other.Name(), key.Value)
		}
	}
	return field, nil
}

// decodeField gives a value for a field of m.
func decodeField(node *yaml.Node, field protoreflect.FieldDescriptor, m protoreflect.Message) (protoreflect.Value, error) {
	if !field.IsList() {
		return decodeValue(node, field, m.NewField(field))
	}
	list := m.NewField(field)
	if node.Kind != yaml.SequenceNode {
		return list, atLine(node, "%s: want a list, such as [a, b]", field.Name())
	}
	for _, element := range node.Content {
		v, err := decodeValue(element, field, protoreflect.Value{})
		if err != nil {
			return list, err
		}
		list.List().Append(v)
	}
	return list, nil
}

// decodeValue gives a single value; empty is a new one of the field.
func decodeValue(node *yaml.Node, field protoreflect.FieldDescriptor, empty protoreflect.Value) (protoreflect.Value, error) {
	if field.Kind() == protoreflect.MessageKind && !isDuration(field) {
		return empty, decodeMessage(node, empty.Message())
	}
	if node.Kind != yaml.ScalarNode || node.ShortTag() == "!!null" {
		return empty, atLine(node, "%s: want a single value", field.Name())
	}
	switch {
	case isDuration(field):
		d, err := time.ParseDuration(node.Value)
		if err != nil {
			return empty, atLine(node, "%s: want a duration, such as 90s or 24h", field.Name())
		}
		return protoreflect.ValueOfMessage(durationpb.New(d).ProtoReflect()), nil
	case field.Kind() == protoreflect.BoolKind:
		var on bool
		if node.ShortTag() != "!!bool" || node.Decode(&on) != nil {
			return empty, atLine(node, "%s: want true or false", field.Name())
		}
		return protoreflect.ValueOfBool(on), nil
	default:
		// As it is written: 1e3 and 007 are texts, too.
		return protoreflect.ValueOfString(node.Value), nil
	}
}

func isDuration(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == "google.protobuf.Duration"
}
