package archtest

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// module is the path in go.mod.
const module = "github.com/ringcast/ringcast"

// A node is what one package of ours imports.
type node struct {
	imports []string // in its own code
	tests   []string // in its _test.go files
}

// A graph has the packages of this module by name, written as rules are.
type graph map[string]node

// loadGraph reads the packages below the module's root as they are built here.
// It reads the files itself rather than run `go list`, so that `go test` sees
// what the result depends on and does not answer from its cache.
func loadGraph(root string) (graph, error) {
	g := graph{}
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if dir != root && foreign(dir) {
			return filepath.SkipDir
		}
		pkg, err := build.ImportDir(dir, 0)
		if _, none := errors.AsType[*build.NoGoError](err); none {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read package: %w", err)
		}
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		g["./"+filepath.ToSlash(rel)] = node{
			imports: relative(pkg.Imports),
			tests:   relative(slices.Concat(pkg.TestImports, pkg.XTestImports)),
		}
		return nil
	})
	return g, err
}

// foreign says whether the go command, too, leaves a folder out of "./...": it
// is another module or nothing to build.
func foreign(dir string) bool {
	name := filepath.Base(dir)
	if name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// relative writes our own packages among paths as the go command does inside
// the module.
func relative(paths []string) []string {
	names := make([]string, 0, len(paths))
	for _, p := range paths {
		if rest, ours := strings.CutPrefix(p, module+"/"); ours {
			p = "./" + rest
		}
		names = append(names, p)
	}
	return names
}

// names returns the packages in order, so that reports are stable.
func (g graph) names() []string {
	names := make([]string, 0, len(g))
	for name := range g {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
