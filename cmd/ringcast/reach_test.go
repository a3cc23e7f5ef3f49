package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

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
		{"ban", "192.0.2.1", "192.0.2.2"}, {"bans"}, {"check", "192.0.2.1"}, {"invalidate", "--all"}, {"preload", "/a"}, {"status"}, {"healthcheck"},
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
	for _, args := range [][]string{{"192.0.2.1"}, {"192.0.2.1", "--request-id", "r"}} {
		f := &fake{refuse: func(string) error { return status.Error(codes.Unavailable, "") }}
		advice := "a change may have been made: look before you repeat it\n"
		if len(args) > 1 {
			advice = "a change may have been made: repeat it with the same --request-id\n"
		}
		ringcast(t, append([]string{"ban", "--server", f.start(t)}, args...)...).want(t, exitUnreachable, "", advice)
	}
	// The log is away, but the server is not.
	f := &fake{refuse: func(string) error { return refusal(codes.Unavailable, "LOG_UNAVAILABLE", "try again") }}
	ringcast(t, "ban", "192.0.2.1", "--server", f.start(t)).want(t, exitError, "", "try again (LOG_UNAVAILABLE)")
}

// What changes nothing leaves no doubt.
func TestLostAnswersOfReads(t *testing.T) {
	t.Parallel()
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(codes.Unavailable, "") }))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	for _, args := range [][]string{{"bans"}, {"audit", "--request-id", "r"}, {"check", "192.0.2.1"}, {"status"}, {"healthcheck"}} {
		ringcast(t, append(args, "--server", listener.Addr().String())...).want(t, exitUnreachable, "", "before its answer came\n")
	}
}
