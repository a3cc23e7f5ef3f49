package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// maxBatchFile bounds what is read, so that a file that is no batch does not fill
// the memory. The control plane takes a batch of 1 MiB; comments and spaces are more.
const maxBatchFile = 4 << 20

// mutationsKey is the key of the list where the file has an object.
const mutationsKey = "mutations"

// batchFile is a batch as a file has it.
type batchFile struct {
	mutations []*ringcastv1.Mutation
	// lines has where each begins, counted from 1.
	lines []int
}

// readBatch reads a file of mutations; its errors name it and the line.
func readBatch(name string, stdin io.Reader) (batchFile, error) {
	data, err := readBatchFile(name, stdin)
	if err != nil {
		return batchFile{}, fmt.Errorf("read mutations: %w", err)
	}
	batch, err := parseBatch(data)
	if err != nil {
		return batchFile{}, fmt.Errorf("read mutations: %s: %w", name, err)
	}
	return batch, nil
}

func readBatchFile(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // only read
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxBatchFile+1))
	if err == nil && len(data) > maxBatchFile {
		err = fmt.Errorf("%s is larger than %d MiB", name, maxBatchFile>>20)
	}
	return data, err
}

// parseBatch reads YAML, of which JSON is a part.
func parseBatch(data []byte) (batchFile, error) {
	root, err := parseYAML(data)
	if err != nil {
		return batchFile{}, err
	}
	list, err := listOfMutations(root)
	if err != nil {
		return batchFile{}, err
	}
	var batch batchFile
	for _, node := range list.Content {
		m := new(ringcastv1.Mutation)
		if err := decodeMessage(node, m.ProtoReflect()); err != nil {
			return batchFile{}, err
		}
		if m.GetOf() == nil {
			return batchFile{}, atLine(node, "name a mutation, such as ban_ip")
		}
		batch.mutations, batch.lines = append(batch.mutations, m), append(batch.lines, node.Line)
	}
	if len(batch.mutations) == 0 {
		return batchFile{}, errNoMutations
	}
	return batch, nil
}

var errNoMutations = errors.New("there are no mutations; --help shows some")

// parseYAML gives the root of the only document.
func parseYAML(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, errNoMutations
	} else if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.Join(errors.New("want one YAML document, not several"), err)
	}
	return document.Content[0], nil
}

// listOfMutations is the root, or what it has under mutationsKey and nothing else.
func listOfMutations(root *yaml.Node) (*yaml.Node, error) {
	list := root
	if root.Kind == yaml.MappingNode {
		for i, key := range root.Content {
			if i%2 == 0 && (key.Value != mutationsKey || i > 0) {
				return nil, atLine(key, "%q: want a list of mutations, or one under the key %s alone", key.Value, mutationsKey)
			}
		}
		if len(root.Content) == 0 {
			return nil, errNoMutations
		}
		list = root.Content[1]
	}
	if list.Kind != yaml.SequenceNode {
		return nil, atLine(list, "want a list of mutations")
	}
	return list, nil
}

// atLine makes an error that begins with a node's line.
func atLine(node *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", node.Line, fmt.Sprintf(format, args...))
}
