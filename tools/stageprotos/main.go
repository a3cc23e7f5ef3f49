// Command stageprotos prints the third-party .proto files that Ringcast's own
// protos import. It takes them from the descriptors that the Go modules pinned
// in tools/go.mod carry, so that code generation needs no proto registry and no
// copies of other people's files in the repository.
//
// Usage: stageprotos DIR. DIR is replaced as a whole, once all files are printed.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv2/options"
	_ "google.golang.org/genproto/googleapis/api/annotations"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: stageprotos DIR")
		os.Exit(2)
	}
	if err := stage(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "stageprotos:", err)
		os.Exit(1)
	}
}

// imported lists the files that a Ringcast proto may import besides
// google/protobuf, which buf brings along. Every file that one of these imports
// in its turn belongs here, too.
func imported() []string {
	return []string{
		"buf/validate/validate.proto",
		"google/api/annotations.proto",
		"google/api/field_behavior.proto",
		"google/api/http.proto",
		"protoc-gen-openapiv2/options/annotations.proto",
		"protoc-gen-openapiv2/options/openapiv2.proto",
	}
}

// stage prints beside dir first: a failure half-way leaves the earlier files.
func stage(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "staging-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	for _, path := range imported() {
		if err := printProto(fresh, path); err != nil {
			return fmt.Errorf("print %s: %w", path, err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

func printProto(dir, path string) error {
	file, err := protoregistry.GlobalFiles.FindFileByPath(path)
	if err != nil {
		return err
	}
	text, err := source(file)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

// source keeps the elements in the descriptor's order, so that two runs print
// the same bytes.
func source(file protoreflect.FileDescriptor) (string, error) {
	printer := protoprint.Printer{SortElements: false}
	return printer.PrintProtoToString(file)
}
