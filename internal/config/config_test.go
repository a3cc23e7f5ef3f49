package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/ringcast/ringcast/internal/config"
)

func TestSetDefaults(t *testing.T) {
	t.Parallel()
	got := settings{NodeID: "host"}
	if err := config.SetDefaults(&got); err != nil {
		t.Fatal(err)
	}
	want := changed(func(s *settings) { s.NodeID = "host" })
	if diff := cmp.Diff(want, got, comparers...); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestBindRefusesBadStructs(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]any{
		"is not a pointer to a struct": settings{},
		"flag --a is there twice": &struct {
			A string `flag:"a" help:"x"`
			B string `flag:"a" help:"x"`
		}{},
		"flag --config is there twice": &struct {
			A string `flag:"config" help:"x"`
		}{},
		"needs the tags flag and help": &struct {
			A string `flag:"a"`
		}{},
		"is not exported": &struct {
			a string `flag:"a" help:"x"`
		}{a: ""},
		"has type complex128": &struct {
			A complex128 `flag:"a" help:"x"`
		}{},
		`default of --a: "x": want a whole number`: &struct {
			A int `flag:"a" help:"x" default:"x"`
		}{},
		`unknown form "host"`: &struct {
			A string `flag:"a" help:"x" sketch:"A,host"`
		}{},
	} {
		_, err := config.Bind(pflag.NewFlagSet("test", pflag.ContinueOnError), cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
