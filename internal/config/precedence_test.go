package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
	"pgregory.net/rapid"

	"github.com/ringcast/ringcast/internal/config"
)

// TestPrecedence draws which sources hold a setting, gives each source a value
// of its own, and expects that of the first in the documented order.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		var cfg struct {
			Text   string   `flag:"some-text" default:"default" help:"x" sketch:"TEXT"`
			Number int      `flag:"some-number" default:"0" help:"x" sketch:"NUMBER"`
			List   []string `flag:"some-list" default:"default" help:"x" sketch:"LIST"`
		}
		var args []string
		var file string
		env := make(map[string]string)
		give := func(flag, variable, sketch string, values [4]string, fallback string) (want string) {
			want = fallback
			drawn := rapid.SliceOfN(rapid.Bool(), 4, 4).Draw(t, flag)
			if drawn[3] {
				env[sketch], want = values[3], values[3]
			}
			if drawn[2] {
				file, want = file+flag+": "+values[2]+"\n", values[2]
			}
			if drawn[1] {
				env[variable], want = values[1], values[1]
			}
			if drawn[0] {
				args, want = append(args, "--"+flag, values[0]), values[0]
			}
			return want
		}
		words := [4]string{"flag", "variable", "file", "sketch"}
		want := [3]string{
			give("some-text", "RINGCAST_SOME_TEXT", "TEXT", words, "default"),
			give("some-number", "RINGCAST_SOME_NUMBER", "NUMBER", [4]string{"4", "3", "2", "1"}, "0"),
			give("some-list", "RINGCAST_SOME_LIST", "LIST", words, "default"),
		}
		path := filepath.Join(dir, "ringcast.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		env["RINGCAST_CONFIG"] = path
		if rapid.Bool().Draw(t, "--config") {
			args, env["RINGCAST_CONFIG"] = append(args, "--config", path), "/nowhere"
		}

		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		binding, err := config.Bind(flags, &cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := flags.Parse(args); err != nil {
			t.Fatal(err)
		}
		if err := binding.Load(lookup(env)); err != nil {
			t.Fatal(err)
		}
		got := [3]string{cfg.Text, fmt.Sprint(cfg.Number), fmt.Sprint(cfg.List)}
		want[2] = "[" + want[2] + "]"
		if got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}
