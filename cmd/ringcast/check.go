package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func checkCommand(a *admin) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check (IP | --jti ID | --subject SUBJECT | --token-file FILE)",
		Short: "Say whether an address is banned or a token revoked",
		Long: "Say whether a ban covers an address, or a revocation a token. Where an allow entry wins, it is named, and below\n" +
			"it the ban that waits. Of a token give what is known: any of the flags. The exit code is 0 either way; scripts\n" +
			"read -o json.\n\n" +
			"--everywhere asks the edges that can be reached for a report, and says for every known edge whether it enforces\n" +
			"that verdict. Of one that has not got everything up to now in force that is unknown, but where an allow entry\n" +
			"decides that it has. What edges allow by --allow, and automatic bans of their own, are not covered.",
		Example: "  ringcast check 203.0.113.7\n  ringcast check 203.0.113.7 --everywhere\n  ringcast check --jti 4f1c -o json | jq .revoked",
	}
	flags := cmd.Flags()
	token := addTokenFlags(flags)
	everywhere := flags.Bool("everywhere", false, "say for every edge whether it enforces the verdict on the address")
	cmd.Args = usageArgs(func(_ *cobra.Command, args []string) error {
		named := len(changed(flags, flagJTI, flagSubject, flagTokenFile)) > 0
		if len(args) > 1 || named == (len(args) == 1) {
			return errors.New("give one address or prefix, or name a token by flags")
		}
		if named && *everywhere {
			return errors.New("--everywhere is about an address")
		}
		return nil
	})
	return a.verb(cmd, func(ctx context.Context, c *call, args []string) error {
		if len(args) == 1 && *everywhere {
			return checkEverywhere(ctx, c, args[0])
		}
		if len(args) == 1 {
			return checkIP(ctx, c, args[0])
		}
		raw, err := token.token(cmd.InOrStdin())
		if err != nil {
			return err
		}
		return checkToken(ctx, c, token.label(raw), &ringcastv1.CheckTokenRequest{Jti: token.jti, Subject: token.subject, Token: raw})
	})
}

func checkIP(ctx context.Context, c *call, ip string) error {
	r, err := invoke(ctx, c, ringcastv1.NewBanServiceClient(c.conn).CheckIP, &ringcastv1.CheckIPRequest{Ip: ip})
	if err != nil {
		return err
	}
	if c.printer.format != formatTable {
		return c.printer.message(r)
	}
	return c.printer.table(c.verdict(ip, r)...)
}

// verdict gives a table with a row for what decides, and one for a ban that it keeps
// waiting.
func (c *call) verdict(ip string, r *ringcastv1.CheckIPResponse) [][]string {
	header := []string{"IP", "STATUS", "BY", "ENDS", "REASON"}
	allow, ban := r.GetAllow(), r.GetBan()
	banned := func(status string) []string {
		return []string{ip, status, ban.GetIp(), c.printer.ends(ban.GetExpiresAt()), ban.GetReason()}
	}
	switch {
	case r.GetBanned():
		return [][]string{header, banned("banned")}
	case allow == nil:
		return [][]string{header, {ip, "not banned", "", "", ""}}
	}
	rows := [][]string{header, {ip, "allowed", allow.GetIp(), c.printer.ends(allow.GetExpiresAt()), allow.GetReason()}}
	if ban != nil {
		rows = append(rows, banned("ban without effect"))
	}
	return rows
}

func checkToken(ctx context.Context, c *call, label string, request *ringcastv1.CheckTokenRequest) error {
	r, err := invoke(ctx, c, ringcastv1.NewTokenServiceClient(c.conn).CheckToken, request)
	if err != nil {
		return err
	}
	if c.printer.format != formatTable {
		return c.printer.message(r)
	}
	row := []string{label, "not revoked", "", "", ""}
	if r.GetRevoked() {
		kind, value := revoked(r.GetRevocation())
		row = []string{label, "revoked", kind + " " + value, c.printer.ends(r.GetRevocation().GetExpiresAt()), r.GetRevocation().GetReason()}
	}
	return c.printer.table([]string{"TOKEN", "STATUS", "BY REVOCATION OF", "ENDS", "REASON"}, row)
}
