package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
)

// product is the package of the binary that is measured.
const product = "github.com/ringcast/ringcast/cmd/ringcast"

// ringcast is the binary that is measured.
type ringcast struct{ path string }

func (p *ringcast) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.path, "binary", "", "the ringcast to measure; it is built from this repository if not given")
}

// get gives the path of the binary, which it builds if none was given.
func (p *ringcast) get(ctx context.Context, b *bench) (string, error) {
	if p.path != "" {
		return p.path, nil
	}
	path := filepath.Join(b.dir, "ringcast")
	b.say("building %s", product)
	said, err := exec.CommandContext(ctx, "go", "build", "-o", path, product).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w: %s", product, err, said)
	}
	p.path = path
	return path, nil
}
