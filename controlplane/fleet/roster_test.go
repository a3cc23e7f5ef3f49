package fleet

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/wire"
)

// Edges that come and go leave the log alone, whose positions users see.
func TestRosterIsApart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before, err := r.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.connect(edge("a")).Close()
	r.report(edge("b"), 0)
	if err := r.Leave(t.Context(), edge("b"), r.at(0)); err != nil {
		t.Fatal(err)
	}
	after, err := r.log.Head(t.Context())
	if err != nil || after != before {
		t.Errorf("the head was %+v and is %+v, %v", before, after, err)
	}
}

// A process that ends between the log's word that edges are forgotten and the roster's
// leaves the rest to the next one. Whoever joined after that word stays.
func TestForgetIsCutShort(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect(edge("a")).Close()
	r.connect(edge("b")).Close()
	decide := controlplane.Leave{Edges: []controlplane.EdgeKey{edge("a"), edge("c")}, Reason: wire.LeftForgotten}.Decide
	request := eventlog.Request{Principal: "test", RPC: "forget", ID: "once", Detail: "{}"}
	if _, err := r.log.Append(t.Context(), decide, request); err != nil {
		t.Fatal(err)
	}
	r.connect(edge("c")).Close()
	for range 2 {
		r.restart()
		if diff := cmp.Diff([]string{"b", "c"}, r.names()); diff != "" {
			t.Error(diff)
		}
	}
}

// The repeat of a request that was cut short ends it.
func TestForgetIsRepeated(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect(edge("a")).Close()
	decide := controlplane.Leave{Edges: []controlplane.EdgeKey{edge("a")}, Reason: wire.LeftForgotten}.Decide
	request := eventlog.Request{Principal: "test", RPC: "forget", ID: "once", Detail: "{}"}
	if _, err := r.log.Append(t.Context(), decide, request); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Forget(t.Context(), edge("a"), request); err != nil || len(r.names()) != 0 {
		t.Errorf("%v, left %v", err, r.names())
	}
}

// A log that begins anew leaves the edges known, and they can be forgotten by it.
func TestNewLogOldRoster(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 10 {
		r.ban()
	}
	r.connect(edge("a")).Close()
	r.close()
	if err := os.RemoveAll(filepath.Join(r.dir, "log")); err != nil {
		t.Fatal(err)
	}
	r.open()
	if diff := cmp.Diff([]string{"a"}, r.names()); diff != "" {
		t.Error(diff)
	}
	request := eventlog.Request{Principal: "test", RPC: "forget", Detail: "{}"}
	if _, err := r.Forget(t.Context(), edge("a"), request); err != nil || len(r.names()) != 0 {
		t.Errorf("%v, left %v", err, r.names())
	}
}
