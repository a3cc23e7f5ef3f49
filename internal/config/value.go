package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// kindName gives the word that --help uses for a value of the type that target
// points to, and "" for a type that is not supported.
func kindName(target any) string {
	switch target.(type) {
	case *string, *[]string:
		return "text"
	case *bool:
		return "bool"
	case *int, *int64:
		return "int"
	case *float64:
		return "number"
	case *Bytes:
		return "size"
	case *time.Duration:
		return "duration"
	case *[]netip.Prefix:
		return "CIDR"
	}
	return ""
}

func isList(target any) bool {
	switch target.(type) {
	case *[]string, *[]netip.Prefix:
		return true
	}
	return false
}

// assign sets what target points to. A list takes all texts and is replaced;
// anything else takes the first and only one. Nothing changes on error.
func assign(target any, texts []string) error {
	switch target := target.(type) {
	case *[]string:
		*target = append([]string(nil), texts...)
		return nil
	case *[]netip.Prefix:
		return assignPrefixes(target, texts)
	case *string:
		*target = texts[0]
		return nil
	case *bool:
		return parseInto(target, texts[0], strconv.ParseBool, "true or false")
	case *int:
		return parseInto(target, texts[0], strconv.Atoi, "a whole number")
	case *int64:
		return parseInto(target, texts[0], parseInt64, "a whole number")
	case *float64:
		return parseInto(target, texts[0], parseFloat, "a number")
	case *Bytes:
		return parseInto(target, texts[0], ParseBytes, "a size such as 64MiB, 1GB or 1048576")
	case *time.Duration:
		return parseInto(target, texts[0], time.ParseDuration, "a duration with its unit, such as 90s or 24h")
	}
	return fmt.Errorf("no flag can set a %T", target)
}

// parseInto replaces the parser's error, which names Go functions, by what is
// wanted.
func parseInto[T any](target *T, text string, parse func(string) (T, error), want string) error {
	value, err := parse(text)
	if err != nil {
		return errors.New("want " + want)
	}
	*target = value
	return nil
}

func parseInt64(text string) (int64, error) { return strconv.ParseInt(text, 10, 64) }

func parseFloat(text string) (float64, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return 0, strconv.ErrSyntax
	}
	return f, err
}

func assignPrefixes(target *[]netip.Prefix, texts []string) error {
	var prefixes []netip.Prefix
	for _, text := range texts {
		prefix, err := parsePrefix(text)
		if err != nil {
			return err
		}
		prefixes = append(prefixes, prefix)
	}
	*target = prefixes
	return nil
}

// parsePrefix reads a CIDR prefix, or an address as a prefix of its full length.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if addr, errAddr := netip.ParseAddr(text); errAddr == nil && addr.Zone() == "" {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is neither a CIDR prefix nor an address", text)
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is IPv4 inside IPv6: write it as IPv4", text)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has host bits set: do you mean %s?", text, prefix.Masked())
	}
	return prefix, nil
}

// format gives what target points to in the form that assign takes.
func format(target any) string {
	switch target := target.(type) {
	case *string:
		return *target
	case *bool:
		return strconv.FormatBool(*target)
	case *int:
		return strconv.Itoa(*target)
	case *int64:
		return strconv.FormatInt(*target, 10)
	case *float64:
		return strconv.FormatFloat(*target, 'g', -1, 64)
	case *Bytes:
		return target.String()
	case *time.Duration:
		return target.String()
	case *[]string:
		return strings.Join(*target, ",")
	case *[]netip.Prefix:
		return joinPrefixes(*target)
	}
	return ""
}

func joinPrefixes(prefixes []netip.Prefix) string {
	texts := make([]string, len(prefixes))
	for i, prefix := range prefixes {
		texts[i] = prefix.String()
	}
	return strings.Join(texts, ",")
}
