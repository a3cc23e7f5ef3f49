package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
)

// field is one setting. It is the pflag.Value of its own flag.
type field struct {
	name, short, placeholder, help, def string
	sketch                              sketchVariable

	value   reflect.Value // the field of the caller's struct
	initial reflect.Value // what it holds where no source has it
	given   []string      // what the flag was given; nil without the flag
}

var _ pflag.Value = (*field)(nil)

// fieldsOf lists the settings of the struct that cfg points to, in order.
func fieldsOf(cfg any) ([]*field, error) {
	v := reflect.ValueOf(cfg)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T is not a pointer to a struct", cfg)
	}
	fields, err := flatten(v.Elem())
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, f := range fields {
		if seen[f.name] {
			return nil, fmt.Errorf("flag --%s is there twice", f.name)
		}
		seen[f.name] = true
	}
	return fields, nil
}

func flatten(v reflect.Value) ([]*field, error) {
	var fields []*field
	for i := range v.NumField() {
		description := v.Type().Field(i)
		if description.Tag.Get("flag") == "-" {
			continue
		}
		if description.Anonymous && description.Type.Kind() == reflect.Struct {
			inner, err := flatten(v.Field(i))
			if err != nil {
				return nil, err
			}
			fields = append(fields, inner...)
			continue
		}
		f, err := newField(description, v.Field(i))
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", description.Name, err)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func newField(description reflect.StructField, v reflect.Value) (*field, error) {
	tag := description.Tag
	f := &field{
		name: tag.Get("flag"), short: tag.Get("short"), placeholder: tag.Get("value"),
		help: tag.Get("help"), def: tag.Get("default"), value: v,
	}
	var err error
	f.sketch, err = parseSketch(tag.Get("sketch"))
	switch {
	case !description.IsExported():
		return nil, errors.New("is not exported")
	case f.name == "" || f.help == "":
		return nil, errors.New("needs the tags flag and help")
	case err != nil:
		return nil, err
	case kindName(f.target()) == "":
		return nil, fmt.Errorf("has type %s, which no flag can set", description.Type)
	}
	if f.placeholder == "" {
		f.placeholder = kindName(f.target())
	}
	return f, nil
}

func (f *field) target() any { return f.value.Addr().Interface() }

// setDefault sets the default, if there is one, and remembers the outcome.
func (f *field) setDefault() error {
	if f.def != "" {
		if err := assign(f.target(), f.split(f.def)); err != nil {
			return fmt.Errorf("default of --%s: %q: %w", f.name, f.def, err)
		}
	}
	f.initial = reflect.New(f.value.Type()).Elem()
	f.initial.Set(f.value)
	return nil
}

func (f *field) addTo(flags *pflag.FlagSet) error {
	if flags.Lookup(f.name) != nil {
		return fmt.Errorf("flag --%s is there twice", f.name)
	}
	variables := envName(f.name)
	if f.sketch.name != "" {
		variables += ", " + f.sketch.name
	}
	flag := flags.VarPF(f, f.name, f.short, usage(f.help, variables, f.def))
	// The usage shows the default as it was written; pflag would add its own.
	flag.DefValue = ""
	if _, ok := f.target().(*bool); ok {
		flag.NoOptDefVal = "true"
	}
	return nil
}

// Set is called for each use of the flag; the uses of a list add up.
func (f *field) Set(text string) error {
	texts := f.split(text)
	if isList(f.target()) {
		texts = append(f.given[:len(f.given):len(f.given)], texts...)
	}
	if err := assign(f.target(), texts); err != nil {
		return err
	}
	// Not nil, even for a list that was given as empty.
	f.given = append([]string{}, texts...)
	return nil
}

// String gives the present value in the form that the flag takes.
func (f *field) String() string { return format(f.target()) }

// Type gives what --help puts in the place of a value.
func (f *field) Type() string { return f.placeholder }

// split gives the elements of a list, which commas separate, or the one text of
// another field.
func (f *field) split(text string) []string {
	if !isList(f.target()) {
		return []string{text}
	}
	var elements []string
	for element := range strings.SplitSeq(text, ",") {
		if element = strings.TrimSpace(element); element != "" {
			elements = append(elements, element)
		}
	}
	return elements
}

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func usage(help, variables, def string) string {
	text := help + " [env " + variables + "]"
	if def != "" {
		text += " (default " + def + ")"
	}
	return text
}
