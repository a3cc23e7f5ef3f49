package archtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestImports(t *testing.T) {
	t.Parallel()
	g, err := loadGraph("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules() {
		for _, violation := range r.check(g) {
			t.Error(violation)
		}
	}
}

// TestCheck shows that the checker would notice: each row is a graph with one
// thing wrong, or nothing.
func TestCheck(t *testing.T) {
	t.Parallel()
	apart := rule{from: []string{"./a/..."}, to: []string{"./b/..."}, why: "apart"}
	deep := rule{from: []string{"./a/..."}, to: []string{"./b/...", "os"}, why: "deep", deep: true}
	tests := rule{from: []string{"./a/..."}, to: []string{"./b/..."}, why: "tested", deep: true, tests: true}
	siblings := rule{
		from: []string{"./a/..."}, unless: []string{"./a/server"}, to: []string{"./a/..."}, why: "siblings",
		allow: []edge{{"./a/...", "./a"}, {"./a/log/...", "./a/log"}},
	}
	for _, tt := range []struct {
		name string
		rule rule
		g    graph
		want []string
	}{
		{"clean", apart, graph{"./a": {imports: []string{"os", "./both"}}, "./b": {}}, nil},
		{"direct", apart, graph{"./a/x": {imports: []string{"./b/y"}}},
			[]string{"./a/x imports ./b/y\n\twhy not: apart"}},
		{"a name that only begins alike", apart, graph{"./a": {imports: []string{"./bb"}}, "./aa": {imports: []string{"./b"}}}, nil},
		{"by way of another, not asked for", apart, graph{"./a": {imports: []string{"./m"}}, "./m": {imports: []string{"./b"}}}, nil},
		{"by way of another", deep, graph{"./a": {imports: []string{"./m"}}, "./m": {imports: []string{"./a", "./b", "os"}}},
			[]string{"./a imports ./m imports ./b\n\twhy not: deep", "./a imports ./m imports os\n\twhy not: deep"}},
		{"by way of a stranger", deep, graph{"./a": {imports: []string{"fmt"}}}, nil},
		{"in a test, not asked for", apart, graph{"./a": {tests: []string{"./b"}}}, nil},
		{"in a test", tests, graph{"./a": {tests: []string{"./b"}}}, []string{"./a imports ./b\n\twhy not: tested"}},
		{"in the test of another", tests, graph{"./a": {imports: []string{"./m"}}, "./m": {tests: []string{"./b"}}}, nil},
		{"allowed edges", siblings, graph{
			"./a":            {},
			"./a/log":        {imports: []string{"./a"}},
			"./a/log/sqlite": {imports: []string{"./a", "./a/log"}},
			"./a/server":     {imports: []string{"./a/log", "./a/ring"}},
		}, nil},
		{"edges that are not", siblings, graph{
			"./a":      {imports: []string{"./a/log"}},
			"./a/ring": {imports: []string{"./a/log", "./a/server"}},
		}, []string{
			"./a imports ./a/log\n\twhy not: siblings",
			"./a/ring imports ./a/log\n\twhy not: siblings",
			"./a/ring imports ./a/server\n\twhy not: siblings",
		}},
		{"binds nothing", apart, graph{"./c": {}}, []string{"no package matches [./a/...]: mend the rule\n\twhose why is: apart"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.rule.check(tt.g)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLoadGraph reads a module with one of each thing that a tree can have.
func TestLoadGraph(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":               "module " + module,
		"a/a.go":               `package a; import ("os"; "` + module + `/b/c")`,
		"a/a_test.go":          `package a; import "testing"`,
		"a/x_test.go":          `package a_test; import "` + module + `/a"`,
		"a/plan9.go":           "//go:build plan9\n\npackage a\nimport \"net\"",
		"a/testdata/d.go":      `package d`,
		"b/c/c.go":             `package c`,
		"b/tests/only_test.go": `package tests`,
		"docs/readme.md":       `nothing to build`,
		"tools/go.mod":         `module elsewhere`,
		"tools/tool.go":        `package tool`,
		".bin/hidden.go":       `package hidden`,
		"node_modules/n/n.go":  `package n`,
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := loadGraph(root)
	if err != nil {
		t.Fatal(err)
	}
	want := graph{
		"./a":       {imports: []string{"./b/c", "os"}, tests: []string{"testing", "./a"}},
		"./b/c":     {},
		"./b/tests": {},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(node{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
}
