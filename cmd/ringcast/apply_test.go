package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// fakeBatches remembers the batches that it was asked for.
type fakeBatches struct {
	ringcastv1.UnimplementedBatchServiceServer
	refuse error
	asked  chan *ringcastv1.ApplyRequest
}

func (f *fakeBatches) Apply(_ context.Context, r *ringcastv1.ApplyRequest) (*ringcastv1.ApplyResponse, error) {
	f.asked <- r
	if f.refuse != nil {
		return nil, f.refuse
	}
	answer := &ringcastv1.ApplyResponse{Position: 42, Epoch: "7f3a9c"}
	for i := range r.GetMutations() {
		answer.Positions = append(answer.Positions, answer.Position-uint64(len(r.GetMutations())-1-i))
	}
	return answer, nil
}

func serveBatches(t *testing.T, refuse error) (f *fakeBatches, address string) {
	t.Helper()
	f = &fakeBatches{refuse: refuse, asked: make(chan *ringcastv1.ApplyRequest, 1)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	ringcastv1.RegisterBatchServiceServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return f, listener.Addr().String()
}

// everyMutation has each kind, and each form of a value.
const everyMutation = `# a deploy
- ban_ip: {ip: 203.0.113.7, reason: "a, b", ttl: 90s, override: true}
- unbanIp: {ip: "2001:db8::/32"}
- allow_ip:
    ip: 192.0.2.1
    ttl: 24h
- remove_allow: {ip: 192.0.2.2}
- revoke_token: {jti: 007, reason: stolen}
- restore_token: {token_hash: 1e3}
- invalidate:
    tags: [post:1, 'user:*', yes, 12]
    keys: [/posts/1]
    soft: true
    settle: 2s
- preload:
    routes:
      - /posts/1
`

func wantEveryMutation() []*ringcastv1.Mutation {
	return []*ringcastv1.Mutation{
		{Of: &ringcastv1.Mutation_BanIp{BanIp: &ringcastv1.BanIPRequest{Ip: "203.0.113.7", Reason: "a, b", Ttl: durationpb.New(90 * time.Second), Override: true}}},
		{Of: &ringcastv1.Mutation_UnbanIp{UnbanIp: &ringcastv1.UnbanIPRequest{Ip: "2001:db8::/32"}}},
		{Of: &ringcastv1.Mutation_AllowIp{AllowIp: &ringcastv1.AllowIPRequest{Ip: "192.0.2.1", Ttl: durationpb.New(24 * time.Hour)}}},
		{Of: &ringcastv1.Mutation_RemoveAllow{RemoveAllow: &ringcastv1.RemoveAllowRequest{Ip: "192.0.2.2"}}},
		{Of: &ringcastv1.Mutation_RevokeToken{RevokeToken: &ringcastv1.RevokeTokenRequest{
			Of: &ringcastv1.RevokeTokenRequest_Jti{Jti: "007"}, Reason: "stolen",
		}}},
		{Of: &ringcastv1.Mutation_RestoreToken{RestoreToken: &ringcastv1.RestoreTokenRequest{
			Of: &ringcastv1.RestoreTokenRequest_TokenHash{TokenHash: "1e3"},
		}}},
		{Of: &ringcastv1.Mutation_Invalidate{Invalidate: &ringcastv1.InvalidateRequest{
			Tags: []string{"post:1", "user:*", "yes", "12"}, Keys: []string{"/posts/1"}, Soft: true, Settle: durationpb.New(2 * time.Second),
		}}},
		{Of: &ringcastv1.Mutation_Preload{Preload: &ringcastv1.PreloadRequest{Routes: []string{"/posts/1"}}}},
	}
}

func TestApplyAsks(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "batch.yaml")
	if err := os.WriteFile(file, []byte(everyMutation), 0o600); err != nil {
		t.Fatal(err)
	}
	one := []*ringcastv1.Mutation{wantEveryMutation()[3]}
	for name, row := range map[string]struct {
		args  []string
		stdin string
		want  *ringcastv1.ApplyRequest
		out   string
	}{
		"file":           {[]string{"-f", file}, "", &ringcastv1.ApplyRequest{Mutations: wantEveryMutation()}, "applied 8 mutations at 7f3a9c-42\n"},
		"id":             {[]string{"-f", "-", "--request-id", "r"}, "- remove_allow: {ip: 192.0.2.2}", &ringcastv1.ApplyRequest{Mutations: one, RequestId: "r"}, "applied 1 mutation at 7f3a9c-42\n"},
		"object":         {[]string{"--file", "-"}, "mutations:\n- remove_allow: {ip: 192.0.2.2}", &ringcastv1.ApplyRequest{Mutations: one}, "applied 1 mutation at"},
		"JSON":           {[]string{"-f", "-"}, "{\n\t\"mutations\": [\n\t\t{\"remove_allow\": {\"ip\": \"192.0.2.2\"}}\n\t]\n}\n", &ringcastv1.ApplyRequest{Mutations: one}, "applied 1 mutation at"},
		"a list in JSON": {[]string{"-f", "-", "-o", "jsonl"}, `[{"removeAllow":{"ip":"192.0.2.2"}}]`, &ringcastv1.ApplyRequest{Mutations: one}, `{"position":"42","epoch":"7f3a9c","positions":["42"]}` + "\n"},
		"each":           {[]string{"-f", file, "-o", "jsonl"}, "", &ringcastv1.ApplyRequest{Mutations: wantEveryMutation()}, `"positions":["35","36","37","38","39","40","41","42"]}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, server := serveBatches(t, nil)
			ringcastIn(t, row.stdin, append([]string{"apply", "--server", server}, row.args...)...).want(t, exitDone, row.out, "")
			if t.Failed() {
				return
			}
			if diff := cmp.Diff(row.want, <-f.asked, protocmp.Transform()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// What is wrong in a file is told with its line, and nothing is sent.
func TestApplyRefusesFiles(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ text, want string }{
		"empty":              {"", "there are no mutations"},
		"an empty list":      {"[]", "there are no mutations"},
		"an empty object":    {"{}", "there are no mutations"},
		"no list":            {"mutations: 1", "line 1: want a list of mutations"},
		"a text":             {"ban everybody", "line 1: want a list of mutations"},
		"another key":        {"mutations: []\nrequest_id: a", `line 2: "request_id": want a list`},
		"two documents":      {"- remove_allow: {ip: 1.2.3.4}\n---\n- remove_allow: {ip: 1.2.3.5}", "one YAML document"},
		"no YAML":            {"- ban_ip: {ip: 1.2.3.4", "line 1"},
		"unknown mutation":   {"- ban_ip: {ip: 1.2.3.4}\n- ban: {ip: 1.2.3.4}", `line 2: there is no field "ban" here`},
		"unknown field":      {"- ban_ip:\n    ip: 1.2.3.4\n    adress: 1.2.3.4", `line 3: there is no field "adress" here`},
		"merged fields":      {"- ban_ip: &a {ip: 1.2.3.4}\n- ban_ip: {<<: *a}", `line 2: there is no field "<<" here`},
		"an alias":           {"- ban_ip: {ip: &a 1.2.3.4}\n- unban_ip: {ip: *a}", "line 2: ip: want a single value"},
		"a field twice":      {"- ban_ip:\n    ip: 1.2.3.4\n    ip: 1.2.3.5", "line 3: ip is there twice"},
		"two mutations":      {"- ban_ip: {ip: 1.2.3.4}\n  unban_ip: {ip: 1.2.3.5}", "line 2: ban_ip and unban_ip: only one"},
		"two tokens":         {"- revoke_token:\n    jti: a\n    subject: b", "line 3: jti and subject: only one"},
		"no mutation":        {"- ban_ip: {ip: 1.2.3.4}\n- {}", "line 2: name a mutation"},
		"nothing":            {"- ban_ip: {ip: 1.2.3.4}\n-", "want fields with values"},
		"a mutation as text": {"- ban_ip: 1.2.3.4", "line 1: want fields with values"},
		"no value":           {"- ban_ip: {ip: }", "line 1: ip: want a single value"},
		"a list as a value":  {"- ban_ip: {ip: [1.2.3.4]}", "line 1: ip: want a single value"},
		"a value as a list":  {"- invalidate:\n    tags: a", "line 2: tags: want a list"},
		"no duration":        {"- ban_ip: {ip: 1.2.3.4, ttl: 90}", "line 1: ttl: want a duration"},
		"no bool":            {"- invalidate: {tags: [a], soft: 'true'}", "line 1: soft: want true or false"},
		"a member's id":      {"- ban_ip: {ip: 1.2.3.4, request_id: a}", "line 1: a mutation of a batch has no request_id"},
		"too large":          {strings.Repeat("#", maxBatchFile+1), "- is larger than 4 MiB"},
	} {
		_, server := serveBatches(t, nil)
		r := ringcastIn(t, row.text, "apply", "-f", "-", "--server", server)
		r.want(t, exitError, "", row.want)
		if t.Failed() {
			t.Fatalf("%s: %s", name, r.errOut)
		}
	}
}

// A refusal names the lines of the mutations that it is about.
func TestApplyLocatesRefusals(t *testing.T) {
	t.Parallel()
	refused := refusal(codes.InvalidArgument, "REPEATED_ENTITY", "mutations[0] and mutations[1] are about the same: 1.2.3.4; not mutations[7]")
	_, server := serveBatches(t, refused)
	text := "# two\n- ban_ip: {ip: 1.2.3.4}\n\n- unban_ip: {ip: 1.2.3.4}\n"
	ringcastIn(t, text, "apply", "-f", "-", "--server", server).want(t, exitError, "",
		"ringcast: mutations[0] (line 2) and mutations[1] (line 4) are about the same: 1.2.3.4; not mutations[7] (REPEATED_ENTITY)\n")
}

func TestApplyUsage(t *testing.T) {
	t.Parallel()
	ringcast(t, "apply").want(t, exitUsage, "", "name the file with --file")
	ringcast(t, "apply", "-f", "a", "b").want(t, exitUsage, "", `takes no argument, not "b"`)
	_, server := serveBatches(t, nil)
	ringcast(t, "apply", "-f", filepath.Join(t.TempDir(), "not"), "--server", server).want(t, exitError, "", "no such file")
	ringcast(t, "apply", "-f", "a", "--server", "127.0.0.1:1").want(t, exitUnreachable, "", "cannot reach")
}

// TestApplyHelp takes the example of the help for what it says.
func TestApplyHelp(t *testing.T) {
	t.Parallel()
	r := ringcast(t, "apply", "--help")
	r.want(t, exitDone, "ringcast apply -f mutations.yaml", "")
	var lines []string
	for line := range strings.Lines(r.out) {
		if strings.HasPrefix(line, "  - ") {
			lines = append(lines, line)
		}
	}
	batch, err := parseBatch([]byte(strings.Join(lines, "")))
	if err != nil || len(batch.mutations) != 9 {
		t.Errorf("%d mutations, %v", len(batch.mutations), err)
	}
}
