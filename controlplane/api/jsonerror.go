package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What only protojson tells, whose first space is at times another one. Its words
// are matched up to where a value could begin; where they should ever read
// otherwise, a sentence says less.
var (
	jsonField  = regexp.MustCompile(`^proto:[ \x{a0}]\(line (\d+:\d+)\): (unknown|duplicate) field "([^"]{1,64})"`)
	jsonOneof  = regexp.MustCompile(`^proto:[ \x{a0}]\(line (\d+:\d+)\): error parsing "[^"]{1,64}", oneof \S+ is already set`)
	jsonEscape = regexp.MustCompile(`^proto:[ \x{a0}](?:syntax error \(line \d+:\d+\): invalid escape code|unexpected EOF)`)
)

// explainJSON gives the sentence for a body that protojson did not read as the
// message, which it leaves alone. No sentence has a value in it.
func explainJSON(data []byte, message proto.Message, cause error) error {
	if !utf8.Valid(data) {
		return errors.New("the body is not UTF-8")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return explainShape(data, err)
	}
	text := cause.Error()
	if m := jsonField.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("the body has, at line %s, the %s field %q", m[1], m[2], m[3])
	}
	if m := jsonOneof.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("the body has, at line %s, a second field where only one may be set", m[1])
	}
	if jsonEscape.MatchString(text) {
		return errors.New(`the body has a \u escape that stands for no character`)
	}
	if sentence := misfit("", fields, message.ProtoReflect()); sentence != "" {
		return errors.New(sentence)
	}
	return errors.New("the body is not JSON of the form that this method takes")
}

// explainShape tells what is no JSON from JSON that is no object.
func explainShape(data []byte, err error) error {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return errors.New(`the body is JSON but no object: want {"field": value, ...}`)
	}
	before := data[:min(max(syntax.Offset-1, 0), int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return fmt.Errorf("the body is not JSON: the syntax breaks at line %d:%d", line, column)
}

// misfit tells of the first field, in the order of their names, whose value does not
// fit it: its path, which begins with that of the message, and the form to give it.
func misfit(path string, fields map[string]json.RawMessage, message protoreflect.Message) (sentence string) {
	known := message.Descriptor().Fields()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field := known.ByJSONName(name)
		if field == nil {
			field = known.ByTextName(name)
		}
		if field == nil {
			continue
		}
		alone := fmt.Appendf(nil, "{%q:%s}", name, fields[name])
		if protojson.Unmarshal(alone, message.New().Interface()) == nil {
			continue
		}
		at := path + string(field.Name())
		return cmp.Or(misfitWithin(at, fields[name], message.NewField(field), field), at+": "+form(field))
	}
	return ""
}

// misfitWithin looks for what does not fit in a value that is a message or a list of
// messages; empty: it is none, or the value itself does not fit.
func misfitWithin(path string, value json.RawMessage, of protoreflect.Value, field protoreflect.FieldDescriptor) (sentence string) {
	switch {
	case field.Message() == nil || field.Message().ParentFile().Package() == "google.protobuf":
		return ""
	case !field.IsList():
		return misfitInMessage(path, value, of.Message())
	}
	var elements []json.RawMessage
	if json.Unmarshal(value, &elements) != nil {
		return ""
	}
	for i, element := range elements {
		one := of.List().NewElement().Message()
		if protojson.Unmarshal(element, one.Interface()) != nil {
			at := fmt.Sprintf("%s[%d]", path, i)
			return cmp.Or(misfitInMessage(at, element, one), at+": "+formOfMessage(field.Message().FullName()))
		}
	}
	return ""
}

func misfitInMessage(path string, value json.RawMessage, message protoreflect.Message) (sentence string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil {
		return ""
	}
	return misfit(path+".", fields, message)
}

// form says what a field's value is to look like.
func form(field protoreflect.FieldDescriptor) string {
	if field.IsList() {
		return `want a list of ` + plural(field) + `, in [ and ]`
	}
	switch field.Kind() {
	case protoreflect.MessageKind:
		return formOfMessage(field.Message().FullName())
	case protoreflect.StringKind:
		return "want a string, in double quotes"
	case protoreflect.BoolKind:
		return "want true or false, without quotes"
	default:
		return "want a whole number within the field's range"
	}
}

func formOfMessage(name protoreflect.FullName) string {
	switch name {
	case "google.protobuf.Duration":
		return `a duration is seconds with an s, such as "300s"`
	case "google.protobuf.Timestamp":
		return `a time is as in RFC 3339, such as "2026-01-31T12:00:00Z"`
	default:
		return "want an object, in { and }"
	}
}

func plural(field protoreflect.FieldDescriptor) string {
	switch field.Kind() {
	case protoreflect.MessageKind:
		return "objects"
	case protoreflect.StringKind:
		return "strings"
	case protoreflect.BoolKind:
		return "true or false"
	default:
		return "whole numbers"
	}
}
