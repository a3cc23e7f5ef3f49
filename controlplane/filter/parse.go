package filter

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/wire"
)

// MaxNames bounds the names of one part, so that comparing an event with a filter
// stays cheap.
const MaxNames = 100

// Parse reads the filter in the query of a request for a stream; nil: there is
// none. Names are separated by commas, and a part that is there twice has those of
// both. The error is a sentence for the caller.
func Parse(query url.Values) (*Filter, error) {
	f := new(Filter)
	given := false
	for _, part := range []struct {
		parameter string
		names     **names
		check     func(name string) error
	}{
		{wire.QueryTypes, &f.types, checkType},
		{wire.QueryChannels, &f.channels, checkChannel},
		{wire.QueryTags, &f.tags, controlplane.CheckTag},
	} {
		values, ok := query[part.parameter]
		if !ok {
			f.key += "\n"
			continue
		}
		list, err := parseNames(values, part.check)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.parameter, err)
		}
		given = true
		names, canonical := newNames(list)
		*part.names = names
		f.key += strings.Join(canonical, ",") + "\n" // names have neither
	}
	if !given {
		return nil, nil
	}
	return f, nil
}

func parseNames(values []string, check func(string) error) ([]string, error) {
	list := strings.Split(strings.Join(values, ","), ",")
	if len(list) > MaxNames {
		return nil, fmt.Errorf("there are %d names; the limit is %d", len(list), MaxNames)
	}
	for _, name := range list {
		if name == "" {
			return nil, errors.New("a name is empty; names are separated by commas")
		}
		if err := check(name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func checkType(name string) error {
	if !controlplane.ValidName(name) {
		return fmt.Errorf("%.64q is not of %s", name, controlplane.NameRule)
	}
	return nil
}

// checkChannel takes a prefix, too.
func checkChannel(name string) error {
	if prefix, ok := strings.CutSuffix(name, "*"); ok && (prefix == "" || controlplane.ValidName(prefix)) {
		return nil
	}
	if !controlplane.ValidName(name) {
		return fmt.Errorf("%.64q is not of %s, with a * at the end for a prefix", name, controlplane.NameRule)
	}
	return nil
}
