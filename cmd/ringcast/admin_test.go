package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// result is what a person sees of one command line.
type result struct {
	code        int
	out, errOut string
}

// ringcast runs one command line of the verbs, with nothing on standard input.
func ringcast(t testing.TB, args ...string) result {
	t.Helper()
	return ringcastIn(t, "", args...)
}

func ringcastIn(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := execute(t.Context(), strings.NewReader(stdin), &out, &errOut, args...)
	return result{code, out.String(), errOut.String()}
}

func execute(ctx context.Context, stdin io.Reader, out, errOut io.Writer, args ...string) int {
	root := &cobra.Command{Use: "ringcast", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(adminCommands(out, errOut)...)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(errOut, "ringcast: %v\n", err)
	}
	return exitCode(err)
}

// want checks a result: the code, and what each stream contains or, where it is
// empty, that nothing is there.
func (r result) want(t testing.TB, code int, out, errOut string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d; stderr %q", r.code, code, r.errOut)
	}
	for name, pair := range map[string][2]string{"stdout": {r.out, out}, "stderr": {r.errOut, errOut}} {
		if got, want := pair[0], pair[1]; (want == "" && got != "") || !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// fake is a control plane that remembers what it was asked and answers as told.
type fake struct {
	ringcastv1.UnimplementedBanServiceServer
	ringcastv1.UnimplementedTokenServiceServer
	ringcastv1.UnimplementedCacheServiceServer
	ringcastv1.UnimplementedFleetServiceServer

	bans        []*ringcastv1.Ban
	revocations []*ringcastv1.Revocation
	refuse      func(ip string) error
	health      *health.Server

	mu       sync.Mutex // guards what follows
	requests []proto.Message
}

// serve starts the fake on a socket of its own and gives its address.
func (f *fake) serve(t testing.TB, address string) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	ringcastv1.RegisterBanServiceServer(server, f)
	ringcastv1.RegisterTokenServiceServer(server, f)
	ringcastv1.RegisterCacheServiceServer(server, f)
	ringcastv1.RegisterFleetServiceServer(server, f)
	f.health = health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, f.health)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return listener.Addr().String()
}

// start serves on 127.0.0.1.
func (f *fake) start(t testing.TB) string {
	t.Helper()
	return f.serve(t, "127.0.0.1:0")
}

// took remembers a request and gives its position.
func (f *fake) took(m proto.Message) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, proto.Clone(m))
	return uint64(41 + len(f.requests))
}

// asked gives the only request that came.
func (f *fake) asked(t testing.TB) proto.Message {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) != 1 {
		t.Fatalf("%d requests came, want 1: %v", len(f.requests), f.requests)
	}
	return f.requests[0]
}

func refusal(code codes.Code, reason, message string) error {
	answer, err := status.New(code, message).WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "ringcast"})
	if err != nil {
		panic(err)
	}
	return answer.Err()
}

func (f *fake) BanIP(_ context.Context, r *ringcastv1.BanIPRequest) (*ringcastv1.BanIPResponse, error) {
	if f.refuse != nil {
		if err := f.refuse(r.GetIp()); err != nil {
			return nil, err
		}
	}
	return &ringcastv1.BanIPResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) UnbanIP(_ context.Context, r *ringcastv1.UnbanIPRequest) (*ringcastv1.UnbanIPResponse, error) {
	return &ringcastv1.UnbanIPResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

// ListBans has pages of at most 2, whatever is asked for, and tokens that are
// indexes.
func (f *fake) ListBans(_ context.Context, r *ringcastv1.ListBansRequest) (*ringcastv1.ListBansResponse, error) {
	f.took(r)
	begin := 0
	if r.GetPageToken() != "" {
		if _, err := fmt.Sscan(r.GetPageToken(), &begin); err != nil {
			return nil, refusal(codes.InvalidArgument, "INVALID_PAGE_TOKEN", "made up")
		}
	}
	end := min(begin+min(int(r.GetPageSize()), 2), len(f.bans))
	answer := &ringcastv1.ListBansResponse{Bans: f.bans[begin:end]}
	if end < len(f.bans) {
		answer.NextPageToken = fmt.Sprint(end)
	}
	return answer, nil
}

func (f *fake) CheckIP(_ context.Context, r *ringcastv1.CheckIPRequest) (*ringcastv1.CheckIPResponse, error) {
	f.took(r)
	if len(f.bans) == 0 {
		return &ringcastv1.CheckIPResponse{}, nil
	}
	return &ringcastv1.CheckIPResponse{Banned: true, Ban: f.bans[0]}, nil
}

func (f *fake) RevokeToken(_ context.Context, r *ringcastv1.RevokeTokenRequest) (*ringcastv1.RevokeTokenResponse, error) {
	return &ringcastv1.RevokeTokenResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) RestoreToken(_ context.Context, r *ringcastv1.RestoreTokenRequest) (*ringcastv1.RestoreTokenResponse, error) {
	return &ringcastv1.RestoreTokenResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) ListRevocations(_ context.Context, r *ringcastv1.ListRevocationsRequest) (*ringcastv1.ListRevocationsResponse, error) {
	f.took(r)
	return &ringcastv1.ListRevocationsResponse{Revocations: f.revocations}, nil
}

func (f *fake) CheckToken(_ context.Context, r *ringcastv1.CheckTokenRequest) (*ringcastv1.CheckTokenResponse, error) {
	f.took(r)
	if len(f.revocations) == 0 {
		return &ringcastv1.CheckTokenResponse{}, nil
	}
	return &ringcastv1.CheckTokenResponse{Revoked: true, Revocation: f.revocations[0]}, nil
}

func (f *fake) Invalidate(_ context.Context, r *ringcastv1.InvalidateRequest) (*ringcastv1.InvalidateResponse, error) {
	return &ringcastv1.InvalidateResponse{Position: f.took(r), Epoch: "7f3a9c"}, nil
}

func (f *fake) GetStatus(context.Context, *ringcastv1.GetStatusRequest) (*ringcastv1.GetStatusResponse, error) {
	return &ringcastv1.GetStatusResponse{Version: "v1\x1b[31m", Epoch: "7f3a9c", Head: 1 << 60, Subscribers: 5, EdgeSubscribers: 3}, nil
}

func ban(ip, reason string, position uint64) *ringcastv1.Ban {
	return &ringcastv1.Ban{Ip: ip, Reason: reason, CreateTime: &timestamppb.Timestamp{Seconds: 1763719200}, Position: position}
}

// closedPort gives an address at which nothing listens.
func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	address := closedPort(t)
	for _, args := range [][]string{
		{"ban", "192.0.2.1", "192.0.2.2"}, {"bans"}, {"check", "192.0.2.1"}, {"invalidate", "--all"}, {"status"}, {"healthcheck"},
	} {
		r := ringcast(t, append(args, "--server", address)...)
		r.want(t, exitUnreachable, "", "cannot reach the control plane at "+address+": connection refused; check")
		if strings.Count(r.errOut, "\n") != 1 {
			t.Errorf("%s: more than a sentence: %q", args[0], r.errOut)
		}
	}
}

// A server that takes the connection and says nothing is as good as none.
func TestMuteServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	began := time.Now()
	ringcast(t, "status", "--server", listener.Addr().String(), "--timeout", "50ms").
		want(t, exitUnreachable, "", "no gRPC server answers at")
	if took := time.Since(began); took > connectTimeout {
		t.Errorf("took %s", took)
	}
}

// localhost is the server, on whichever loopback address it listens.
func TestLocalhostIsBothFamilies(t *testing.T) {
	t.Parallel()
	for _, loopback := range []string{"127.0.0.1:0", "[::1]:0"} {
		_, port, err := net.SplitHostPort(new(fake).serve(t, loopback))
		if err != nil {
			t.Fatal(err)
		}
		ringcast(t, "status", "--server", "localhost:"+port).want(t, exitDone, "7f3a9c", "")
	}
}

func TestNotAllowed(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.PermissionDenied, codes.Unauthenticated} {
		f := &fake{refuse: func(string) error { return refusal(code, "NO", "you may not") }}
		ringcast(t, "ban", "192.0.2.1", "192.0.2.2", "--server", f.start(t)).
			want(t, exitNotAllowed, "", "ringcast: 192.0.2.1: you may not (NO)\n")
	}
}

func TestAnswersThatLeaveDoubt(t *testing.T) {
	t.Parallel()
	for code, test := range map[codes.Code]struct {
		exit int
		text string
	}{
		codes.Unavailable:      {exitUnreachable, "lost the connection"},
		codes.DeadlineExceeded: {exitError, "within --timeout"},
		codes.Internal:         {exitError, "ringcast: said so\n"},
		codes.Unimplemented:    {exitError, "older"},
	} {
		f := &fake{refuse: func(string) error { return status.Error(code, "said so\x1b[2J") }}
		if code == codes.Internal {
			f.refuse = func(string) error { return status.Error(code, "said\x1b so") }
		}
		ringcast(t, "ban", "192.0.2.1", "--server", f.start(t)).want(t, test.exit, "", test.text)
	}
	// The log is away, but the server is not.
	f := &fake{refuse: func(string) error { return refusal(codes.Unavailable, "LOG_UNAVAILABLE", "try again") }}
	ringcast(t, "ban", "192.0.2.1", "--server", f.start(t)).want(t, exitError, "", "try again (LOG_UNAVAILABLE)")
}

func TestUsageErrorsReachNoServer(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"ban":                                    "give at least one address or prefix; see ringcast ban --help",
		"ban 192.0.2.1 --no-such-flag":           "unknown flag: --no-such-flag; see ringcast ban --help",
		"ban 192.0.2.1 --ttl 10":                 "invalid argument \"10\" for \"--ttl\" flag",
		"ban 192.0.2.1 --ttl 3d":                 "invalid argument \"3d\" for \"--ttl\" flag",
		"ban 192.0.2.1 -o yaml":                  "--output is \"yaml\"; it is one of table, json, jsonl",
		"ban 192.0.2.1 192.0.2.2 --request-id x": "--request-id stands for one mutation",
		"bans extra":                             "takes no argument",
		"bans --limit -1":                        "--limit is -1",
		"status --server localhost":              "--server is \"localhost\"",
		"status --server http://localhost:4001":  "a host and the gRPC port",
		"status --timeout 0s":                    "--timeout is 0s",
		"status --config /no/such/file":          "read settings",
		"check":                                  "give one address or prefix, or name a token",
		"check 192.0.2.1 --jti x":                "give one address or prefix, or name a token",
		"check 192.0.2.1 192.0.2.2":              "give one address or prefix, or name a token",
		"revoke":                                 "give exactly one of --jti, --subject, --token-file",
		"revoke --jti a --subject b":             "give exactly one of",
		"revoke --jti a secret":                  "in a file",
		"revoke --token secret":                  "unknown flag: --token",
		"restore --jti a --token-hash b":         "give exactly one of --jti, --subject, --token-file, --token-hash",
		"ban 192.0.2.1 --ttl -5s":                "--ttl is -5s; it is from 1s to 876600h (a hundred years), or left out for no end; see ringcast ban --help",
		"ban 192.0.2.1 --ttl 0":                  "--ttl is 0s; it is from 1s",
		"ban 192.0.2.1 --ttl 876601h":            "--ttl is 876601h0m0s; it is from 1s",
		"revoke --jti x --ttl 999ms":             "--ttl is 999ms; it is from 1s",
		"invalidate --tag a --tag a*b":           "--tag \"a*b\" has a * that is not at its end; see ringcast invalidate --help",
		"invalidate --tag=":                      "--tag is empty",
		"invalidate --key /a*b":                  "--key \"/a*b\" has a * that is not at its end",
		"invalidate --key *":                     "use --all",
		"invalidate --all --settle 61m":          "--settle is 1h1m0s; it is from 0s to 1h",
		"invalidate --all --settle -1s":          "--settle is -1s",
		"invalidate":                             "give --tag, --key or --all",
		"invalidate --all posts":                 "takes no argument",
		"tail --last-event-id x-y-z":             "--last-event-id is \"x-y-z\"",
		"tail --http-server localhost:4000":      "--http-server is \"localhost:4000\"",
		"healthcheck --url localhost":            "--url is \"localhost\"",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(line)
			if !strings.Contains(line, "--server") && args[0] != "tail" {
				args = append(args, "--server", "203.0.113.255:9")
			}
			ringcast(t, args...).want(t, exitUsage, "", want)
		})
	}
}

// Not parallel: it sets variables.
func TestVariablesSetSharedFlags(t *testing.T) {
	t.Setenv("RINGCAST_SERVER", new(fake).start(t))
	t.Setenv("RINGCAST_OUTPUT", "jsonl")
	ringcast(t, "ban", "192.0.2.1").want(t, exitDone, `{"ip":"192.0.2.1","position":"42","epoch":"7f3a9c"}`+"\n", "")
	ringcast(t, "ban", "192.0.2.1", "-o", "table").want(t, exitDone, "banned 192.0.2.1 at 7f3a9c-43\n", "")
	t.Setenv("RINGCAST_TIMEOUT", "soon")
	ringcast(t, "status").want(t, exitUsage, "", "variable RINGCAST_TIMEOUT")
}

// What is about one mutation is not taken from the environment, where it would
// meet them all.
func TestVariablesDoNotSetMutations(t *testing.T) {
	for name, value := range map[string]string{"RINGCAST_ALL": "true", "RINGCAST_TOKEN_FILE": "/no/such", "RINGCAST_REQUEST_ID": "x"} {
		t.Setenv(name, value)
	}
	ringcast(t, "invalidate").want(t, exitUsage, "", "select something")
	ringcast(t, "revoke").want(t, exitUsage, "", "exactly one of")
}

func TestEveryVerbIsDescribed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	example := regexp.MustCompile(`(?m)^  ringcast (\w+)`)
	for _, cmd := range adminCommands(&out, &out) {
		m := example.FindStringSubmatch(cmd.Example)
		if cmd.Short == "" || m == nil || m[1] != cmd.Name() {
			t.Errorf("%s: short %q, example %q", cmd.Name(), cmd.Short, cmd.Example)
		}
	}
}

func TestOutputIsCompleted(t *testing.T) {
	t.Parallel()
	ringcast(t, "__complete", "bans", "-o", "").want(t, exitDone, "table\njson\njsonl\n:4", "Completion ended")
}
