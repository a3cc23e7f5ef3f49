package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/proto"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// maxTokenFile keeps a file named by mistake from being read and sent. The API
// takes tokens of up to 16384 bytes; the rest is room for line ends.
const maxTokenFile = 16384 + 64

// Flags that name a token. None takes the token itself: a command line is in the
// shell's history and in every process list.
const (
	flagJTI       = "jti"
	flagSubject   = "subject"
	flagTokenFile = "token-file"
	flagTokenHash = "token-hash"
)

// tokenFlags name a token.
type tokenFlags struct {
	flags                         *pflag.FlagSet
	jti, subject, file, tokenHash string
}

func addTokenFlags(flags *pflag.FlagSet) *tokenFlags {
	t := &tokenFlags{flags: flags}
	flags.StringVar(&t.jti, flagJTI, "", "the token's id")
	flags.StringVar(&t.subject, flagSubject, "", "the subject, which stands for its tokens issued up to now")
	flags.StringVar(&t.file, flagTokenFile, "", "file that holds the token; - is standard input")
	return t
}

// one asks for exactly one of some flags, and for no argument.
func (t *tokenFlags) one(names ...string) cobra.PositionalArgs {
	return usageArgs(func(cmd *cobra.Command, args []string) error {
		if len(changed(t.flags, names...)) != 1 {
			return fmt.Errorf("give exactly one of --%s", strings.Join(names, ", --"))
		}
		if len(args) > 0 {
			return errors.New("a token is named by flags alone; put a raw one in a file, for --" + flagTokenFile)
		}
		return nil
	})
}

// token reads the token from its file, "" where no file is named.
func (t *tokenFlags) token(stdin io.Reader) (string, error) {
	if !t.flags.Changed(flagTokenFile) {
		return "", nil
	}
	if t.file == "-" {
		return readToken(stdin)
	}
	file, err := os.Open(t.file)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	return readToken(file)
}

func readToken(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxTokenFile+1))
	token := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return "", fmt.Errorf("read token: %w", err)
	case len(text) > maxTokenFile:
		return "", fmt.Errorf("read token: more than %d bytes are no token", maxTokenFile)
	case token == "":
		return "", errors.New("read token: there is none")
	}
	return token, nil
}

// label names the token in what is printed, by its hash if need be.
func (t *tokenFlags) label(token string) string {
	switch {
	case t.flags.Changed(flagJTI):
		return "jti " + t.jti
	case t.flags.Changed(flagSubject):
		return "subject " + t.subject
	case t.tokenHash != "":
		return "token with hash " + t.tokenHash
	}
	hash := sha256.Sum256([]byte(token))
	return "token with hash " + hex.EncodeToString(hash[:])
}

func revokeCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke (--jti ID | --subject SUBJECT | --token-file FILE)",
		Short: "Refuse a token, or all of a subject's, at every edge",
		Long: "Refuse a token at every edge, or with --subject every token of that subject issued up to now.\n" +
			"The control plane keeps no more of a token than its SHA-256.",
		Example: "  ringcast revoke --jti 4f1c --reason stolen --ttl 24h\n  ringcast revoke --token-file - < token",
	}
	flags := cmd.Flags()
	token := addTokenFlags(flags)
	reason := flags.String("reason", "", "why; operators see it")
	ttl := flags.Duration("ttl", 0, "how long, such as 24h; the token's own remaining life is enough; for ever if not given")
	requestID := requestIDFlag(flags)
	cmd.Args = cobra.MatchAll(ttlArgs(ttl), token.one(flagJTI, flagSubject, flagTokenFile))
	return a.mutation(cmd, func(ctx context.Context, c *call, _ []string) error {
		raw, err := token.token(cmd.InOrStdin())
		if err != nil {
			return err
		}
		request := &ringcastv1.RevokeTokenRequest{Reason: *reason, Ttl: optional(flags, "ttl", *ttl), RequestId: *requestID}
		switch {
		case flags.Changed(flagJTI):
			request.Of = &ringcastv1.RevokeTokenRequest_Jti{Jti: token.jti}
		case flags.Changed(flagSubject):
			request.Of = &ringcastv1.RevokeTokenRequest_Subject{Subject: token.subject}
		default:
			request.Of = &ringcastv1.RevokeTokenRequest_Token{Token: raw}
		}
		r, err := invoke(ctx, c, ringcastv1.NewTokenServiceClient(c.conn).RevokeToken, request)
		if err != nil {
			return err
		}
		return c.mutated("revoked "+token.label(raw), "", r)
	})
}

func restoreCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "restore (--jti ID | --subject SUBJECT | --token-file FILE | --token-hash HASH)",
		Short:   "Take a revocation back",
		Example: "  ringcast restore --subject alice",
	}
	flags := cmd.Flags()
	token := addTokenFlags(flags)
	flags.StringVar(&token.tokenHash, flagTokenHash, "", "the token's SHA-256 in hexadecimal, as revocations lists it")
	requestID := requestIDFlag(flags)
	cmd.Args = token.one(flagJTI, flagSubject, flagTokenFile, flagTokenHash)
	return a.mutation(cmd, func(ctx context.Context, c *call, _ []string) error {
		raw, err := token.token(cmd.InOrStdin())
		if err != nil {
			return err
		}
		request := &ringcastv1.RestoreTokenRequest{RequestId: *requestID}
		switch {
		case flags.Changed(flagJTI):
			request.Of = &ringcastv1.RestoreTokenRequest_Jti{Jti: token.jti}
		case flags.Changed(flagSubject):
			request.Of = &ringcastv1.RestoreTokenRequest_Subject{Subject: token.subject}
		case flags.Changed(flagTokenHash):
			request.Of = &ringcastv1.RestoreTokenRequest_TokenHash{TokenHash: token.tokenHash}
		default:
			request.Of = &ringcastv1.RestoreTokenRequest_Token{Token: raw}
		}
		r, err := invoke(ctx, c, ringcastv1.NewTokenServiceClient(c.conn).RestoreToken, request)
		if err != nil {
			return err
		}
		return c.mutated("restored "+token.label(raw), "", r)
	})
}

func revocationsCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "revocations",
		Short:   "List the revocations in force",
		Example: "  ringcast revocations --limit 20",
	}
	limit := limitFlag(cmd)
	return a.verb(cmd, func(ctx context.Context, c *call, _ []string) error {
		return revocationListing(c).print(ctx, c, *limit)
	})
}

func revocationListing(c *call) listing[*ringcastv1.Revocation] {
	tokens := ringcastv1.NewTokenServiceClient(c.conn)
	return listing[*ringcastv1.Revocation]{
		plural: "revocations",
		header: []string{"OF", "VALUE", "SINCE", "ENDS", "POSITION", "REASON"},
		row: func(p printer, r *ringcastv1.Revocation) []string {
			kind, value := revoked(r)
			return []string{kind, value, since(r.GetCreateTime()), p.ends(r.GetExpiresAt()), strconv.FormatUint(r.GetPosition(), 10), r.GetReason()}
		},
		fetch: func(ctx context.Context, size int32, token string) (page[*ringcastv1.Revocation], error) {
			r, err := invoke(ctx, c, tokens.ListRevocations, &ringcastv1.ListRevocationsRequest{PageSize: size, PageToken: token})
			return page[*ringcastv1.Revocation]{r.GetRevocations(), r.GetNextPageToken()}, err
		},
		answer: func(p page[*ringcastv1.Revocation]) proto.Message {
			return &ringcastv1.ListRevocationsResponse{Revocations: p.entries, NextPageToken: p.next}
		},
	}
}

// revoked names what a revocation is about.
func revoked(r *ringcastv1.Revocation) (kind, value string) {
	switch of := r.GetOf().(type) {
	case *ringcastv1.Revocation_Jti:
		return "jti", of.Jti
	case *ringcastv1.Revocation_Subject:
		return "subject", of.Subject
	case *ringcastv1.Revocation_TokenHash:
		return "token_hash", of.TokenHash
	}
	return "", ""
}
