package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func invalidateCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "invalidate (--tag TAG... | --key KEY... | --all)",
		Short: "Make cached responses unusable at every edge",
		Long: "Make cached responses unusable at every edge: those that carry a tag, those under a key, or all. A tag or\n" +
			"key that ends in * is a prefix. A key is a path, for any host and without ? for every query, or a URL.",
		Example: "  ringcast invalidate --tag post:1 --tag 'user:*'\n  ringcast invalidate --key /posts/1 --soft",
	}
	flags := cmd.Flags()
	// An array and not a slice: a comma is part of a tag or key.
	tags := flags.StringArray("tag", nil, "invalidate what carries this tag (repeatable)")
	keys := flags.StringArray("key", nil, "invalidate what is stored under this path or URL (repeatable)")
	all := flags.Bool("all", false, "invalidate everything")
	soft := flags.Bool("soft", false, "leave responses usable where stale ones are allowed")
	settle := flags.Duration("settle", 0, "do not store what is fetched within this time, such as 2s: for origins that read from a replica")
	requestID := requestIDFlag(flags)
	cmd.Args = usageArgs(func(cmd *cobra.Command, args []string) error {
		if len(*tags)+len(*keys) == 0 && !*all {
			return errors.New("select something: give --tag, --key or --all")
		}
		if *settle < 0 || *settle > maxSettle {
			return fmt.Errorf("--settle is %s; it is from 0s to 1h", *settle)
		}
		return cmp.Or(checkPatterns("--tag", *tags), checkPatterns("--key", *keys), noArgs(cmd, args))
	})
	return a.mutation(cmd, func(ctx context.Context, c *call, _ []string) error {
		r, err := invoke(ctx, c, ringcastv1.NewCacheServiceClient(c.conn).Invalidate, &ringcastv1.InvalidateRequest{
			Tags: *tags, Keys: *keys, All: *all, Soft: *soft,
			Settle: optional(flags, "settle", *settle), RequestId: *requestID,
		})
		if err != nil {
			return err
		}
		return c.mutated("invalidated "+selection(*tags, *keys, *all), "", r)
	})
}

// maxSettle is the most that the control plane takes.
const maxSettle = time.Hour

// checkPatterns refuses what no tag or key can be, in the words of the command line.
func checkPatterns(flag string, patterns []string) error {
	for _, pattern := range patterns {
		switch {
		case pattern == "":
			return fmt.Errorf("%s is empty", flag)
		case pattern == "*" && flag == "--key":
			return errors.New("--key \"*\" is no prefix of a path or URL; to invalidate everything use --all")
		case strings.Contains(strings.TrimSuffix(pattern, "*"), "*"):
			return fmt.Errorf("%s %q has a * that is not at its end", flag, pattern)
		}
	}
	return nil
}

// selection says what was selected in a few words.
func selection(tags, keys []string, all bool) string {
	if all {
		return "everything"
	}
	var parts []string
	for _, part := range []struct {
		word   string
		values []string
	}{{"tag", tags}, {"key", keys}} {
		switch n := len(part.values); n {
		case 0:
		case 1:
			parts = append(parts, part.word+" "+part.values[0])
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, part.word))
		}
	}
	return strings.Join(parts, " and ")
}
