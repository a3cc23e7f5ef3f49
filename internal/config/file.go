package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// setting is one key of the file.
type setting struct {
	source string // file, line and key, for errors
	texts  []string
	list   bool // written as a list; otherwise there is exactly one text
}

// parseFile reads a mapping of keys to scalars and lists of scalars. Unknown and
// repeated keys, keys without a value, anything nested and a second document are
// errors. An empty file has no settings.
func parseFile(name string, data []byte, known func(string) bool) (map[string]setting, error) {
	root, err := parseDocument(data)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", name, err)
	}
	if root == nil {
		return nil, nil
	}
	settings := make(map[string]setting)
	var errs []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		s, err := parseSetting(root.Content[i+1])
		s.source = fmt.Sprintf("file %s, line %d, key %s", name, key.Line, key.Value)
		_, repeated := settings[key.Value]
		switch {
		case !known(key.Value):
			err = errors.New("no setting has this name")
		case repeated:
			err = errors.New("the key is there twice")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.source, err))
			continue
		}
		settings[key.Value] = s
	}
	return settings, errors.Join(errs...)
}

// parseDocument gives the root mapping, or nil for an empty file.
func parseDocument(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.Join(errors.New("want one YAML document, not several"), err)
	}
	root := document.Content[0]
	switch {
	case root.Kind == yaml.MappingNode:
		return root, nil
	case root.ShortTag() == nullTag:
		return nil, nil
	}
	return nil, fmt.Errorf("line %d: want keys with values, such as ring-size: 10000", root.Line)
}

// nullTag is the YAML tag of a value that is left out.
const nullTag = "!!null"

func parseSetting(node *yaml.Node) (setting, error) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.SequenceNode {
		text, err := parseScalar(node)
		return setting{texts: []string{text}}, err
	}
	s := setting{list: true}
	for _, element := range node.Content {
		text, err := parseScalar(element)
		if err != nil {
			return s, err
		}
		s.texts = append(s.texts, text)
	}
	return s, nil
}

func parseScalar(node *yaml.Node) (string, error) {
	switch {
	case node.Kind != yaml.ScalarNode:
		return "", errors.New("want a value, or a list of values")
	case node.ShortTag() == nullTag:
		return "", errors.New("has no value")
	}
	return node.Value, nil
}
