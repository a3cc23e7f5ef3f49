package config_test

import (
	"strings"
	"testing"
)

func TestErrorsNameTheirSource(t *testing.T) {
	t.Parallel()
	env := func(name, text string) sources { return sources{env: map[string]string{name: text}} }
	for name, test := range map[string]struct {
		from sources
		want []string
	}{
		"flag":            {sources{args: []string{"--ring-size=x"}}, []string{`"x" for "--ring-size" flag: want a whole number`}},
		"variable":        {env("RINGCAST_RING_SIZE", "x"), []string{`variable RINGCAST_RING_SIZE: "x": want a whole number`}},
		"negative size":   {env("RINGCAST_RING_BYTES", "-1"), []string{`variable RINGCAST_RING_BYTES: "-1": want a size`}},
		"no unit":         {env("RINGCAST_HEARTBEAT", "15"), []string{`variable RINGCAST_HEARTBEAT: "15": want a duration with its unit`}},
		"number":          {env("RINGCAST_FACTOR", "2x"), []string{`variable RINGCAST_FACTOR: "2x": want a number`}},
		"no number":       {env("RINGCAST_FACTOR", "NaN"), []string{`variable RINGCAST_FACTOR: "NaN": want a number`}},
		"endless number":  {env("RINGCAST_FACTOR", "-Inf"), []string{`variable RINGCAST_FACTOR: "-Inf": want a number`}},
		"large number":    {env("RINGCAST_FACTOR", "1e999"), []string{`variable RINGCAST_FACTOR: "1e999": want a number`}},
		"bool":            {env("RINGCAST_INSECURE", "on"), []string{`want true or false`}},
		"host bits":       {env("RINGCAST_TRUSTED_PROXY", "10.0.0.1/8"), []string{"10.0.0.0/8?"}},
		"mapped":          {env("RINGCAST_TRUSTED_PROXY", "::ffff:10.0.0.1"), []string{"write it as IPv4"}},
		"zone":            {env("RINGCAST_TRUSTED_PROXY", "fe80::1%eth0"), []string{"neither a CIDR prefix nor an address"}},
		"sketch port":     {env("PORT", ":5001"), []string{`variable PORT: ":5001": want a port number`}},
		"sketch port 0":   {env("PORT", "0"), []string{`want a port number`}},
		"absent file":     {env("RINGCAST_CONFIG", "/nowhere/x.yaml"), []string{"read settings", "/nowhere/x.yaml: no such file"}},
		"file":            {sources{file: "ring-size: 2\nheartbeat: soon"}, []string{"ringcast.yaml, line 2, key heartbeat: \"soon\": want a duration"}},
		"file, no value":  {sources{file: "node-id:"}, []string{"line 1, key node-id: has no value"}},
		"file, repeated":  {sources{file: "node-id: a\nnode-id: b"}, []string{"line 2, key node-id: the key is there twice"}},
		"file, list":      {sources{file: "node-id: [a]"}, []string{"key node-id: want one value, not a list"}},
		"file, map":       {sources{file: "control: {a: b}"}, []string{"key control: want a value, or a list"}},
		"file, nested":    {sources{file: "control: [[a]]"}, []string{"key control: want a value, or a list"}},
		"file, element":   {sources{file: "trusted-proxy: [10.0.0.0/8, x]"}, []string{`key trusted-proxy: "x" is neither`}},
		"file, sequence":  {sources{file: "- node-id: a"}, []string{"ringcast.yaml: line 1: want keys with values"}},
		"file, no YAML":   {sources{file: "a: b: c"}, []string{"ringcast.yaml: yaml: mapping values"}},
		"file, documents": {sources{file: "node-id: a\n---\nnode-id: b"}, []string{"want one YAML document"}},
		"file, itself":    {sources{file: "config: x"}, []string{"key config: no setting has this name"}},
		"file, all of them": {
			sources{file: "nodeid: a\n\nRING-SIZE: 1"},
			[]string{"line 1, key nodeid: no setting", "line 3, key RING-SIZE: no setting"},
		},
		"file, though the flag decides": {
			sources{args: []string{"--ring-size=1"}, file: "ring-size: x"},
			[]string{`key ring-size: "x": want a whole number`},
		},
		"several": {
			sources{env: map[string]string{"RINGCAST_MOST": "x", "RINGCAST_HEARTBEAT": "y"}},
			[]string{"RINGCAST_MOST", "RINGCAST_HEARTBEAT"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.from.load(t)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}
