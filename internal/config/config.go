// Package config fills one struct from flags, environment variables, a YAML
// file and defaults, and writes the reference page from the same struct, so
// that a setting is described in exactly one place.
//
// A field says everything in its tags:
//
//	HTTPListen string `flag:"http-listen" default:"localhost:4000" help:"address of REST and SSE" sketch:"PORT,port"`
//
//	flag     name of the flag and of the key in the file; "-" leaves the field out
//	help     one sentence, without the default and the variable, which are added
//	default  in the form that the flag takes; without it the field keeps what it
//	         held at Bind, which --help and the reference do not show
//	short    one-letter flag
//	value    what --help puts in the place of a value (URL, CIDR)
//	sketch   the variable of the original sketch that stands in for this setting;
//	         with ",port" it holds a bare port number, meaning localhost:<port>
//
// Fields are string, bool, int, int64, Bytes, time.Duration, []string or
// []netip.Prefix. Embedded structs are flattened, so that processes can share
// groups of settings.
//
// The first of these that has a setting decides it: flag, variable
// RINGCAST_<FLAG>, file, variable of the sketch, default. A list is replaced as a
// whole. An empty variable counts as not set, as container tools leave them.
package config

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// envPrefix begins the name of every variable.
const envPrefix = "RINGCAST_"

// Binding ties the fields of one struct to the flags of one command.
type Binding struct {
	fields []*field
	file   *field // of location
}

// location is the one setting that every binding adds, and that the file itself
// cannot hold.
type location struct {
	Path string `flag:"config" value:"FILE" help:"YAML file of settings; its keys are the flag names"`
}

// SetDefaults sets each field of the struct that cfg points to and that has a
// default. Errors are mistakes in the struct's tags.
func SetDefaults(cfg any) error {
	fields, err := fieldsOf(cfg)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if err := f.setDefault(); err != nil {
			return err
		}
	}
	return nil
}

// Bind sets the defaults of the struct that cfg points to and adds a flag for
// each field, and --config, to flags. Errors are mistakes in the struct's tags,
// or a flag that is there already.
func Bind(flags *pflag.FlagSet, cfg any) (*Binding, error) {
	own, err := fieldsOf(new(location))
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(cfg)
	if err != nil {
		return nil, err
	}
	for _, f := range append(own, fields...) {
		if err := f.setDefault(); err != nil {
			return nil, err
		}
		if err := f.addTo(flags); err != nil {
			return nil, err
		}
	}
	return &Binding{fields: fields, file: own[0]}, nil
}

// Load applies the file and the variables below the flags, which must have been
// parsed. environ is os.LookupEnv, or stands in for it. Every mistake is
// reported, each with its source: the flag, the variable, or the file, line and
// key. The whole file is checked; a variable only where it decides. Load may be
// called again to read file and variables anew.
func (b *Binding) Load(environ func(string) (string, bool)) error {
	getenv := func(name string) string {
		text, _ := environ(name)
		return text
	}
	settings, err := b.readFile(getenv)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range b.fields {
		errs = append(errs, f.load(getenv, settings))
	}
	return errors.Join(errs...)
}

// readFile gives the settings of the file, by key; none where no file is named.
func (b *Binding) readFile(getenv func(string) string) (map[string]setting, error) {
	if err := b.file.load(getenv, nil); err != nil {
		return nil, err
	}
	path := b.file.String()
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return parseFile(path, data, b.known)
}

func (b *Binding) known(key string) bool {
	for _, f := range b.fields {
		if f.name == key {
			return true
		}
	}
	return false
}
