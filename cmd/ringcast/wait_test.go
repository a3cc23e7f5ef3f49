package main

import (
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// inForceLine is what a wait ends with.
func inForceLine(confirmed, counted int) *regexp.Regexp {
	return regexp.MustCompile(fmt.Sprintf(`^ringcast: in force on %d of %d edges? after [0-9.]+ m?s\n$`, confirmed, counted))
}

// Every mutation can wait, for what its answer said and for whom it was told.
func TestEveryMutationWaits(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"ban 192.0.2.1 --wait":                          "all",
		"unban 192.0.2.1 --wait=live":                   "live",
		"allow 192.0.2.1 --wait=3":                      "3",
		"unallow 192.0.2.1 --wait=90%":                  "90%",
		"revoke --jti j --wait=100%":                    "100%",
		"restore --jti j --wait=all":                    "all",
		"invalidate --all --wait":                       "all",
		"preload /a --wait":                             "all",
		"preload /a --wait --request-id r":              "all",
		"invalidate --all --wait --allow-no-edges":      "all",
		"ban 192.0.2.1 --wait --timeout 1h --reason 3%": "all",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			f, server := serverOf(t, inForce(42))
			r := ringcast(t, append(strings.Fields(line), "--server", server)...)
			r.want(t, exitDone, " at 7f3a9c-42\n", "ringcast: in force")
			if !inForceLine(42, 42).MatchString(r.errOut) {
				t.Errorf("stderr %q", r.errOut)
			}
			wantRequest := &ringcastv1.WaitAppliedRequest{
				Position: 42, Epoch: "7f3a9c", Quorum: want, AllowNoEdges: strings.Contains(line, "no-edges"),
			}
			got := f.waited()
			if len(got) != 1 {
				t.Fatalf("%d waits", len(got))
			}
			if diff := cmp.Diff(wantRequest, got[0], protocmp.Transform(), protocmp.IgnoreFields(wantRequest, "timeout")); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			limit := 10 * time.Second
			if strings.Contains(line, "1h") {
				limit = time.Hour
			}
			if asked := got[0].GetTimeout().AsDuration(); asked > limit || asked < limit-5*time.Second {
				t.Errorf("timeout %s of %s", asked, limit)
			}
		})
	}
}

func (r result) stderr(t testing.TB, code int, want string) {
	t.Helper()
	if r.code != code || r.errOut != want {
		t.Errorf("exit code %d, want %d; stderr\n%swant\n%s", r.code, code, r.errOut, want)
	}
}

// TestNotConfirmed has every way in which a mutation that was accepted is not
// confirmed.
func TestNotConfirmed(t *testing.T) {
	t.Parallel()
	confirmed := confirmations(40)
	gone := &ringcastv1.EdgeConfirmation{NodeId: "edge-gone", State: ringcastv1.EdgeConfirmation_STATE_GONE}
	many := confirmed[:1:1]
	for i := range 23 {
		many = append(many, lagging(fmt.Sprintf("late-%d", i), "", 1))
	}
	refuse := func(err error) func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
		return func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) { return nil, err }
	}
	for name, test := range map[string]struct {
		args string
		wait func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error)
		want string
	}{
		"names": {
			"--wait", notInForce(append(confirmed[:40:40], gone, unreachable("edge-fra-3", at(0)), lagging("edge-ams-1", "k2", 40))...),
			"not in force on 2 of 42 edges after T: edge-fra-3 (unreachable since " + since(at(0)) + "), edge-ams-1 (lagging at 40)",
		},
		"twins": {
			"--wait", notInForce(lagging("edge", "k2345678", 40), lagging("edge", "k23456789", 0), lagging("other", "x", 0), unreachable("third", nil)),
			"not in force on 4 of 4 edges after T: edge (instance k2345678; lagging at 40), edge (instance k2345678…; nothing in force yet), " +
				"other (nothing in force yet), third (unreachable)",
		},
		"a part": {
			"--wait=60%", notInForce(confirmed[0], lagging("a", "", 1), lagging("b", "", 1)),
			"not in force on 2 of 3 edges after T (--wait=60% takes 2): a (lagging at 1), b (lagging at 1)",
		},
		"none left": {"--wait=3", notInForce(confirmed[0], confirmed[1], gone), "in force on 2 edges, and no other is left to confirm it (--wait=3 takes 3)"},
		"many": {
			"--wait", notInForce(many...), "late-18 (lagging at 1), late-19 (lagging at 1) and 3 more",
		},
		"no edges": {"--wait", notInForce(), "no edge is known, so nobody has confirmed it; --allow-no-edges takes that for success"},
		"no live edges": {
			"--wait=live", notInForce(), "no edge can be reached, so nobody has confirmed it; --allow-no-edges takes that for success",
		},
		"too many asked for": {
			"--wait=9", refuse(refusal(codes.FailedPrecondition, "QUORUM_TOO_LARGE", "only 3 edges are known")),
			"not confirmed: only 3 edges are known (QUORUM_TOO_LARGE)",
		},
		"not allowed": {"--wait", refuse(refusal(codes.PermissionDenied, "NO", "you may not")), "not confirmed: you may not (NO)"},
		"older":       {"--wait", refuse(status.Error(codes.Unimplemented, "what?")), "its version may be older than this program's"},
		"gone": {
			"--wait --timeout 1s", refuse(status.Error(codes.Unavailable, "gone")),
			"not confirmed: lost the connection to 127.0.0.1:PORT before its answer came",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, server := serverOf(t, test.wait)
			r := ringcast(t, append(strings.Fields("ban 192.0.2.1 "+test.args), "--server", server)...)
			r.want(t, exitUnconfirmed, "banned 192.0.2.1 at 7f3a9c-42\n", "ringcast: accepted at 7f3a9c-42, but ")
			text := regexp.MustCompile(`after [0-9.]+m?s\b`).ReplaceAllString(r.errOut, "after T")
			text = strings.ReplaceAll(text, server, "127.0.0.1:PORT")
			if !strings.HasSuffix(text, test.want+"\n") || strings.Count(text, "\n") != 1 {
				t.Errorf("stderr\n%swant\n%s", text, test.want)
			}
		})
	}
}

// A mutation that is refused is no matter of waiting.
func TestRefusedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	f, server := serverOf(t, inForce(1))
	f.refuse = func(ip string) error {
		if ip == "192.0.2.9" {
			return refusal(codes.InvalidArgument, "NO", "no")
		}
		return nil
	}
	ringcast(t, "ban", "192.0.2.9", "--wait", "--server", server).stderr(t, exitError, "ringcast: no (NO)\n")
	if waits := f.waited(); len(waits) != 0 {
		t.Fatalf("waited: %v", waits)
	}
	// Of several those that were made are waited for, and the refusal decides the code.
	r := ringcast(t, "ban", "192.0.2.1", "192.0.2.9", "192.0.2.2", "--wait", "--server", server)
	r.want(t, exitError, "banned 192.0.2.2 at 7f3a9c-43\n", "ringcast: in force on 1 of 1 edge after ")
	r.want(t, exitError, "banned", "ringcast: 1 of 3 addresses not banned\n")
	f.wait = notInForce(lagging("late", "", 1))
	r = ringcast(t, "ban", "192.0.2.1", "192.0.2.9", "192.0.2.2", "--wait", "--server", server)
	r.want(t, exitError, "banned", "ringcast: accepted at 7f3a9c-45, but not in force on 1 of 1 edge after ")
	r.want(t, exitError, "banned", "ringcast: 1 of 3 addresses not banned\n")
	if waits := f.waited(); len(waits) != 2 || waits[0].GetPosition() != 43 {
		t.Errorf("waited: %v", waits)
	}
}

func TestWaitWithNobodyThere(t *testing.T) {
	t.Parallel()
	_, server := serverOf(t, inForce(0))
	ringcast(t, "ban", "::1", "--wait", "--allow-no-edges", "--server", server).stderr(t, exitDone, "ringcast: no edge is known: nobody was waited for\n")
}

func TestWaitNamesForgottenEdges(t *testing.T) {
	t.Parallel()
	for _, reached := range []bool{true, false} {
		_, server := serverOf(t, func(_ int, r *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
			answer := waitAnswer(r, confirmations(1)...)
			answer.QuorumReached = reached
			answer.Forgotten = []*ringcastv1.ForgottenEdge{{NodeId: "edge-old", Instance: "k2", ForgetTime: at(0)}}
			return answer, nil
		})
		r := ringcast(t, "ban", "::1", "--wait", "--server", server)
		if want := "ringcast: not counted, as forgotten automatically: edge-old (instance k2, " + since(at(0)) + ")\n"; !strings.HasPrefix(r.errOut, want) {
			t.Errorf("stderr %q, want %q", r.errOut, want)
		}
	}
}

// jsonValues reads what was printed, one value after another.
func jsonValues(t testing.TB, text string) (values []map[string]any) {
	t.Helper()
	for in := json.NewDecoder(strings.NewReader(text)); in.More(); {
		var value map[string]any
		if err := in.Decode(&value); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		values = append(values, value)
	}
	return values
}

func TestWaitInJSON(t *testing.T) {
	t.Parallel()
	late := notInForce(confirmations(1)[0], lagging("late", "k2", 7))
	receipt := func(ip string, position int) map[string]any {
		value := map[string]any{"position": fmt.Sprint(position), "epoch": "7f3a9c"}
		if ip != "" {
			value["ip"] = ip
		}
		return value
	}
	outcome := func(position int) map[string]any {
		edge := func(node, instance, state, position string) map[string]any {
			return map[string]any{"node_id": node, "instance": instance, "state": state, "position": position}
		}
		return map[string]any{
			"quorum_reached": false, "position": fmt.Sprint(position), "epoch": "7f3a9c", "quorum": "all", "needed": 2.0, "confirmed": 1.0,
			"elapsed": "0.038s", "forgotten": []any{},
			"edges": []any{edge("edge-1", "", "STATE_CONFIRMED", "99"), edge("late", "k2", "STATE_LAGGING", "7")},
		}
	}
	lost := func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
		return nil, status.Error(codes.Internal, "lost")
	}
	for line, test := range map[string]struct {
		wait func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error)
		want []map[string]any
	}{
		"ban ::1 -o json":      {late, []map[string]any{outcome(42)}},
		"preload /a -o json":   {late, []map[string]any{outcome(42)}},
		"ban ::1 -o jsonl":     {late, []map[string]any{receipt("::1", 42), outcome(42)}},
		"ban ::1 ::2 -o json":  {late, []map[string]any{receipt("::1", 42), receipt("::2", 43), outcome(43)}},
		"ban ::1 ::2 -o jsonl": {late, []map[string]any{receipt("::1", 42), receipt("::2", 43), outcome(43)}},
		"unban ::1 -o json":    {lost, []map[string]any{receipt("::1", 42)}},
		"preload /a -o json ":  {lost, []map[string]any{receipt("", 42)}},
		"unban ::1 -o jsonl":   {lost, []map[string]any{receipt("::1", 42)}},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			_, server := serverOf(t, test.wait)
			r := ringcast(t, append(strings.Fields(line), "--wait", "--server", server)...)
			r.want(t, exitUnconfirmed, "7f3a9c", "ringcast: accepted at 7f3a9c-4")
			dropAbsent := cmp.FilterPath(func(p cmp.Path) bool {
				key, ok := p.Last().(cmp.MapIndex)
				return ok && (key.Key().String() == "last_heard" || key.Key().String() == "unreachable_since")
			}, cmp.Ignore())
			if diff := cmp.Diff(test.want, jsonValues(t, r.out), dropAbsent); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImportWaits(t *testing.T) {
	t.Parallel()
	f := newImportFake(nil)
	f.wait = inForce(3)
	server := f.start(t)
	var list strings.Builder
	for n := range 250 {
		fmt.Fprintln(&list, numbered(n))
	}
	r := ringcastIn(t, list.String(), "ban", "--file", "-", "--wait", "--server", server)
	r.want(t, exitDone, "banned 250 addresses up to 7f3a9c-250\n", "ringcast: in force on 3 of 3 edges after ")
	r = ringcastIn(t, "nonsense\n::1\n", "ban", "--file", "-", "--wait", "-o", "json", "--server", server)
	r.want(t, exitError, "quorum_reached", "in force on 3 of 3 edges")
	values := jsonValues(t, r.out)
	if len(values) != 2 || values[0]["banned"] != 1.0 || values[1]["quorum_reached"] != true {
		t.Errorf("stdout %v", values)
	}
	if waits := f.waited(); len(waits) != 2 || waits[0].GetPosition() != 250 || waits[1].GetPosition() != 251 {
		t.Errorf("waited: %v", waits)
	}
	ringcastIn(t, "nonsense\n", "ban", "--file", "-", "--wait", "--server", server).want(t, exitError, "banned 0 addresses\n", "1 of 1 lines refused\n")
	f.lose = 2
	ringcastIn(t, "::1", "ban", "--file", "-", "--wait", "--server", server).want(t, exitUnreachable, "", "lost the connection")
	if waits := f.waited(); len(waits) != 2 {
		t.Errorf("an import that banned nothing, or was cut short, was waited for")
	}
}

// batchFleet is a control plane that takes batches and has a fleet.
type batchFleet struct {
	fakeBatches
	fakeFleet
}

func TestApplyWaits(t *testing.T) {
	t.Parallel()
	f := &batchFleet{fakeBatches: fakeBatches{asked: make(chan *ringcastv1.ApplyRequest, 2)}}
	f.wait = inForce(3)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	ringcastv1.RegisterBatchServiceServer(server, &f.fakeBatches)
	ringcastv1.RegisterFleetServiceServer(server, &f.fakeFleet)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	batch, address := "[{preload: {routes: [/a]}}]", listener.Addr().String()
	ringcastIn(t, batch, "apply", "-f", "-", "--wait=2", "--server", address).
		want(t, exitDone, "applied 1 mutation at 7f3a9c-42\n", "ringcast: in force on 3 of 3 edges after ")
	r := ringcastIn(t, batch, "apply", "-f", "-", "--wait", "-o", "json", "--server", address)
	if values := jsonValues(t, r.out); len(values) != 1 || values[0]["quorum_reached"] != true || values[0]["position"] != "42" {
		t.Errorf("stdout %v", values)
	}
}

// Over a real connection: the control plane stops in the middle of the wait, and
// another comes in its place.
func TestWaitReconnects(t *testing.T) {
	t.Parallel()
	waiting, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	before, after := new(fake), new(fake)
	before.wait = func(int, *ringcastv1.WaitAppliedRequest) (*ringcastv1.WaitAppliedResponse, error) {
		close(waiting)
		<-over
		return nil, status.Error(codes.Internal, "nobody hears it")
	}
	after.wait = inForce(2)
	address, stop := before.serveUntil(t, "127.0.0.1:0")
	results := make(chan result, 1)
	go func() { results <- ringcast(t, "ban", "::1", "--wait", "--server", address) }()
	<-waiting
	stop()
	after.serve(t, address)
	r := <-results
	r.want(t, exitDone, "banned", "in force on 2 of 2 edges")
	if got := after.waited(); len(got) != 1 || got[0].GetTimeout().AsDuration() >= 10*time.Second {
		t.Errorf("asked again: %v", got)
	}
}

// The highest position of the last log is waited for.
func TestAccepted(t *testing.T) {
	t.Parallel()
	var m mutations
	for _, r := range []*ringcastv1.BanIPResponse{{Position: 90, Epoch: "old"}, {Position: 7, Epoch: "new"}, {Position: 5, Epoch: "new"}} {
		m.accepted(r)
	}
	if m.position != 7 || m.epoch != "new" {
		t.Errorf("%s-%d", m.epoch, m.position)
	}
}

func TestQuorums(t *testing.T) {
	t.Parallel()
	for q, want := range map[quorum]int{"all": 7, "live": 7, "3": 3, "9": 9, "1%": 1, "50%": 4, "90%": 7, "100%": 7, "85%": 6} {
		if got := q.of(7); got != want {
			t.Errorf("%s of 7 is %d, want %d", q, got, want)
		}
	}
}

// A large fleet's outcome is more than gRPC takes by itself.
func TestWaitForALargeFleet(t *testing.T) {
	t.Parallel()
	edges := confirmations(20_000)
	for _, edge := range edges {
		edge.Instance = strings.Repeat("i", 256)
	}
	_, server := serverOf(t, notInForce(append(edges, lagging("last", "", 1))...))
	r := ringcast(t, "ban", "192.0.2.1", "--wait", "--server", server)
	r.want(t, exitUnconfirmed, " at 7f3a9c-42\n", "not in force on 1 of 20001 edges")
}
