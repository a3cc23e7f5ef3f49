package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// load sets the field from the first source that has it. A setting of the file
// is tried even where another source decides, so that a mistake in the file does
// not wait for the day when a flag is left out.
func (f *field) load(getenv func(string) string, file map[string]setting) error {
	f.value.Set(f.initial)
	fromFile, inFile := file[f.name]
	if inFile {
		if err := f.loadSetting(fromFile); err != nil {
			return fmt.Errorf("%s: %w", fromFile.source, err)
		}
	}
	variable := getenv(envName(f.name))
	switch {
	case f.given != nil:
		return assign(f.target(), f.given)
	case variable != "":
		return f.loadVariable(envName(f.name), variable)
	case inFile || f.sketch.name == "":
		return nil
	}
	return f.loadSketch(getenv(f.sketch.name))
}

func (f *field) loadSetting(s setting) error {
	if !s.list {
		if err := assign(f.target(), f.split(s.texts[0])); err != nil {
			return fmt.Errorf("%q: %w", s.texts[0], err)
		}
		return nil
	}
	if !isList(f.target()) {
		return errors.New("want one value, not a list")
	}
	return assign(f.target(), s.texts)
}

func (f *field) loadVariable(name, text string) error {
	if err := assign(f.target(), f.split(text)); err != nil {
		return fmt.Errorf("variable %s: %q: %w", name, text, err)
	}
	return nil
}

func (f *field) loadSketch(text string) error {
	if text == "" {
		return nil
	}
	if f.sketch.port {
		number, err := strconv.ParseUint(text, 10, 16)
		if err != nil || number == 0 {
			return fmt.Errorf("variable %s: %q: want a port number, 1 to 65535", f.sketch.name, text)
		}
		text = net.JoinHostPort("localhost", text)
	}
	return f.loadVariable(f.sketch.name, text)
}

// sketchVariable is a variable that the original sketch read.
type sketchVariable struct {
	name string
	port bool // it holds a bare port number
}

func parseSketch(tag string) (sketchVariable, error) {
	name, form, _ := strings.Cut(tag, ",")
	if form != "" && form != "port" {
		return sketchVariable{}, fmt.Errorf("tag sketch: unknown form %q", form)
	}
	return sketchVariable{name: name, port: form == "port"}, nil
}
