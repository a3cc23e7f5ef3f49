package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// giveUp is when a fake gives up on a program that does not: far beyond what the
// program may take.
const giveUp = 20 * time.Second

// stall is a control plane that is stopped: it reads nothing and answers nothing.
func stall(stream importServer) error {
	select {
	case <-stream.Context().Done():
		return nil
	case <-time.After(giveUp):
		return status.Error(codes.Internal, "the program waits for ever")
	}
}

// TestImportIntoSilence wants --timeout to hold whether the import waits for an
// answer, or to be read at all.
func TestImportIntoSilence(t *testing.T) {
	t.Parallel()
	for _, lines := range []int{1, 60_000} {
		var list strings.Builder
		for n := range lines {
			fmt.Fprintf(&list, "%s %s\n", numbered(n), strings.Repeat("a", 200))
		}
		server, path := (&fake{imports: stall}).start(t), writeList(t, list.String())
		ringcast(t, "ban", "--file", path, "--server", server, "--timeout", "2s").
			want(t, exitUnreachable, "", "did not answer within --timeout; the same command goes on where this one stopped\n")
	}
}

// slowList is a list whose line comes once hold is closed.
type slowList struct {
	hold <-chan struct{}
	text io.Reader
}

func (l slowList) Read(p []byte) (int, error) {
	<-l.hold
	return l.text.Read(p)
}

// TestImportWaitsForItsList wants the program that writes a list to take longer than
// --timeout, and longer than the control plane waits for an idle import.
func TestImportWaitsForItsList(t *testing.T) {
	t.Parallel()
	f, hold := newImportFake(nil), make(chan struct{})
	var streams atomic.Int32
	f.fake.imports = func(stream importServer) error {
		if streams.Add(1) > 1 {
			return f.importBans(stream)
		}
		time.AfterFunc(1500*time.Millisecond, func() { close(hold) })
		return refusal(codes.Unavailable, "IMPORT_IDLE", "nothing was sent")
	}
	var out, errOut bytes.Buffer
	list := slowList{hold, strings.NewReader("192.0.2.1\n192.0.2.2\n")}
	code := execute(t.Context(), list, &out, &errOut, "ban", "--file", "-", "--server", f.fake.start(t), "--timeout", "1s")
	result{code, out.String(), errOut.String()}.want(t, exitDone, "banned 2 addresses up to 7f3a9c-2\n", "")
	if n := streams.Load(); n != 2 {
		t.Errorf("%d streams", n)
	}
}

// A control plane that calls every import idle is not asked for ever.
func TestImportIdleForEver(t *testing.T) {
	t.Parallel()
	f := &fake{imports: func(importServer) error { return refusal(codes.Unavailable, "IMPORT_IDLE", "nothing was sent") }}
	r := ringcastIn(t, "::1\n", "ban", "--file", "-", "--server", f.start(t))
	r.want(t, exitError, "", "nothing was sent (IMPORT_IDLE); the same command begins anew")
}

// TestImportGivesOneAdvice wants no other than that about the import.
func TestImportGivesOneAdvice(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Canceled} {
		f := &fake{imports: func(importServer) error { return status.Error(code, "gone") }}
		r := ringcast(t, "ban", "--file", writeList(t, "::1\n"), "--server", f.start(t))
		if strings.Contains(r.errOut, "look before") || !strings.Contains(r.errOut, "; the same command goes on where this one stopped\n") {
			t.Errorf("%s: %s", code, r.errOut)
		}
	}
}

// cutBehindARefusal gives an import that ended after the second of three lines was
// refused and the others were banned, before it heard of that.
func cutBehindARefusal(t *testing.T) (f *importFake, server, path string) {
	t.Helper()
	f = newImportFake(map[string]string{"192.0.2.3": "ADDRESS_ALLOWED"})
	f.loseAt = 2
	server, path = f.start(t), writeList(t, "192.0.2.1\n192.0.2.2\n192.0.2.3\n")
	ringcast(t, "ban", "--file", path, "--server", server).want(t, exitUnreachable, "", "goes on where this one stopped")
	if state, _ := f.banned(); len(state) != 2 {
		t.Fatalf("banned: %v", state)
	}
	return f, server, path
}

// TestImportUndoesNoUnban wants what was banned beside a refused line not to be
// banned again once nothing is refused any more.
func TestImportUndoesNoUnban(t *testing.T) {
	t.Parallel()
	for name, torn := range map[string]string{"whole": "", "torn": `{"request":"00","refus`, "torn to zeros": "\x00\x00\x00"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, server, path := cutBehindARefusal(t)
			f.lift("192.0.2.1")
			if err := appendDurably(path+".import", []byte(torn)); err != nil {
				t.Fatal(err)
			}
			r := ringcast(t, "ban", "--file", path, "--server", server)
			r.want(t, exitError, "banned 2 addresses up to 7f3a9c-2, 2 of them in an earlier run\n", "line 3: 192.0.2.3 is refused (ADDRESS_ALLOWED)")
			if state, writes := f.banned(); len(state) != 1 || writes != 2 {
				t.Errorf("after %d writes: %v", writes, state)
			}
			isGone(t, path+".import")
		})
	}
}

// TestCheckpointAfterATornWrite wants what follows a torn record to be read.
func TestCheckpointAfterATornWrite(t *testing.T) {
	t.Parallel()
	path := writeList(t, "")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for n, torn := range []string{"", `{"requ`, "\x00", "{}}", "\n"} {
		point, err := openCheckpoint(path)
		if err != nil || len(point.refused) != n {
			t.Fatalf("%+v, %v; want %d refusals", point, err, n)
		}
		if err := point.refuse(fmt.Sprint("request ", n), []refusedBan{{n, "R", "M"}}); err != nil {
			t.Fatal(err)
		}
		if err := appendDurably(path, []byte(torn)); err != nil {
			t.Fatal(err)
		}
	}
}
