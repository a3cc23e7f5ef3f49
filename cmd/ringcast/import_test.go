package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

func writeList(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func isGone(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("%s is there: %v", path, err)
	}
}

// numbered is the n-th of many addresses.
func numbered(n int) string {
	return netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)}).String()
}

func TestImportAsks(t *testing.T) {
	t.Parallel()
	f := newImportFake(nil)
	list := writeList(t, "\ufeff# a list\r\n192.0.2.1 ttl=1h scan\r\n\r\n2001:DB8::/32\r\n192.0.2.1 by=edge ttl=never # own\r\n::1")
	ringcast(t, "ban", "--file", list, "--reason", "listed", "--ttl", "2h", "--override", "--server", f.start(t)).
		want(t, exitDone, "banned 4 addresses up to 7f3a9c-4\n", "")
	want := &ringcastv1.ImportBansRequest{Override: true, Bans: []*ringcastv1.ImportBansRequest_BanEntry{
		{Ip: "192.0.2.1", Reason: "scan", Ttl: durationpb.New(time.Hour)},
		{Ip: "2001:db8::/32", Reason: "listed", Ttl: durationpb.New(2 * time.Hour)},
		{Ip: "192.0.2.1", Reason: "listed", Automatic: true},
		{Ip: "::1", Reason: "listed", Ttl: durationpb.New(2 * time.Hour)},
	}}
	got := f.taken()
	if len(got) != 1 {
		t.Fatalf("%d requests", len(got))
	}
	if diff := cmp.Diff(want, got[0], protocmp.Transform(), protocmp.IgnoreFields(want, "request_id")); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if id := got[0].(*ringcastv1.ImportBansRequest).GetRequestId(); len(id) < 32 {
		t.Errorf("request id %q", id)
	}
	isGone(t, list+".import")
}

// TestImportAgain wants the same command to be a new import once the first is
// complete: its ttl begins anew.
func TestImportAgain(t *testing.T) {
	t.Parallel()
	f := newImportFake(nil)
	server, list := f.start(t), writeList(t, "192.0.2.1\n192.0.2.2\n")
	for n := 1; n <= 2; n++ {
		ringcast(t, "ban", "--file", list, "--server", server).want(t, exitDone, fmt.Sprintf("banned 2 addresses up to 7f3a9c-%d\n", 2*n), "")
	}
}

func TestImportOfNothing(t *testing.T) {
	t.Parallel()
	server := newImportFake(nil).start(t)
	for _, list := range []string{"", "\n", "# nothing\n\n", "\ufeff"} {
		ringcastIn(t, list, "ban", "--file", "-", "--server", server).want(t, exitDone, "banned 0 addresses\n", "")
	}
	ringcast(t, "ban", "--file", "/no/such/list", "--server", server).want(t, exitError, "", "read list: open /no/such/list")
	ringcast(t, "ban", "--file", t.TempDir(), "--checkpoint", filepath.Join(t.TempDir(), "c"), "--server", server).want(t, exitError, "", "is a directory")
}

func TestImportReportsRefusedLines(t *testing.T) {
	t.Parallel()
	f := newImportFake(map[string]string{"10.1.2.3": "ADDRESS_ALLOWED"})
	server := f.start(t)
	list := strings.Join([]string{
		"192.0.2.1", "10.1.2.3 allowed", "10.0.0.1/8", "\xff", strings.Repeat("a", 5000), "192.0.2.2", "192.0.2.1 ttl=5", "192.0.2.3", "192.0.2.3",
	}, "\n")
	r := ringcastIn(t, list, "ban", "--file", "-", "--server", server)
	r.want(t, exitError, "banned 3 addresses up to 7f3a9c-3; 1 line said the same again\n", "ringcast: 5 of 9 lines refused\n")
	lines := strings.Split(r.errOut, "\n")
	for n, want := range []string{
		`line 2: 10.1.2.3 is refused (ADDRESS_ALLOWED): 10.1.2.3 allowed`,
		`line 3: invalid address or prefix: 10.0.0.1/8 has host bits set; do you mean 10.0.0.0/8? (INVALID_IP): 10.0.0.1/8`,
		`line 4: the line is not UTF-8 (INVALID_LINE): ` + "\ufffd",
		`line 5: the line is longer than 4096 bytes (INVALID_LINE): ` + strings.Repeat("a", shownLine) + "…",
		`line 7: ttl=5 is no time from 1s to 876600h (a hundred years), nor never (INVALID_TTL): 192.0.2.1 ttl=5`,
	} {
		if got := strings.TrimPrefix(lines[n], "ringcast: "); got != want {
			t.Errorf("line %d of the report:\n%s\nwant\n%s", n+1, got, want)
		}
	}
	var whole struct {
		Lines, Banned, Repeated int
		Position, Epoch         string
		Refused                 []refusedLine
	}
	r = ringcastIn(t, list, "ban", "--file", "-", "-o", "json", "--server", server)
	if err := json.Unmarshal([]byte(r.out), &whole); err != nil || r.code != exitError {
		t.Fatalf("%d, %v: %s", r.code, err, r.out)
	}
	if whole.Lines != 9 || whole.Banned != 3 || whole.Repeated != 1 || whole.Position != "6" || whole.Epoch != "7f3a9c" || len(whole.Refused) != 5 ||
		whole.Refused[0] != (refusedLine{2, "10.1.2.3 allowed", "ADDRESS_ALLOWED", "10.1.2.3 is refused"}) {
		t.Errorf("%+v", whole)
	}
	r = ringcastIn(t, list, "ban", "--file", "-", "-o", "jsonl", "--server", server)
	if got := strings.Split(r.out, "\n"); len(got) != 7 || !strings.HasPrefix(got[0], `{"line":2,"text":"10.1.2.3 allowed",`) || !strings.HasSuffix(got[5], `"refused":5}`) {
		t.Errorf("lines:\n%s", r.out)
	}
	ringcastIn(t, "192.0.2.1\n", "ban", "--file", "-", "-o", "json", "--server", server).want(t, exitDone, `"refused": []`, "")
}

// TestImportKeepsTheOrderOfALine wants the last line of an address to count,
// whatever lies between, and even where a part of its request is refused.
func TestImportKeepsTheOrderOfALine(t *testing.T) {
	t.Parallel()
	for _, between := range []int{0, 1, 99, 100, 250, 7000} {
		f := newImportFake(map[string]string{"10.1.2.3": "ADDRESS_ALLOWED"})
		var list strings.Builder
		list.WriteString("192.0.2.1 first\n10.1.2.3\n192.0.2.1 second\n10.1.2.3 again\n")
		for n := range between {
			fmt.Fprintln(&list, numbered(n))
		}
		list.WriteString("192.0.2.1 last\n")
		ringcastIn(t, list.String(), "ban", "--file", "-", "--server", f.start(t)).want(t, exitError, fmt.Sprintf("banned %d addresses", between+3), "2 of")
		state, writes := f.banned()
		if state["192.0.2.1"] != "last 0s" || len(state) != between+1 || writes != between+3 {
			t.Errorf("%d between: %q, %d addresses, %d writes", between, state["192.0.2.1"], len(state), writes)
		}
	}
}

// TestImportGoesOn cuts an import anywhere, again and again, and wants the state of
// one that was never cut, no ban written twice and every refusal told in the end.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	var list strings.Builder
	want, refused := make(map[string]string), make(map[string]string)
	for n := range 3000 {
		fmt.Fprintf(&list, "%s ttl=1h number %d\n", numbered(n), n)
		switch n % 700 {
		case 3:
			refused[numbered(n)] = "ADDRESS_ALLOWED"
		case 4:
			list.WriteString("nonsense\n")
			fallthrough
		default:
			want[numbered(n)] = fmt.Sprintf("number %d 1h0m0s", n)
		}
	}
	f := newImportFake(refused)
	f.lose = 0.05
	server, path := f.start(t), writeList(t, list.String())
	runs := 1
	for ; ; runs++ {
		r := ringcast(t, "ban", "--file", path, "--server", server)
		if r.code == exitError {
			r.want(t, exitError, "banned 2995 addresses", "10 of 3005 lines refused\n")
			break
		}
		r.want(t, exitUnreachable, "", "the same command goes on where this one stopped")
		if runs > 500 {
			t.Fatal("it never ends")
		}
	}
	state, writes := f.banned()
	if runs < 2 || !maps.Equal(want, state) || writes != len(want) {
		t.Errorf("after %d runs: %d addresses by %d writes, want %d", runs, len(state), writes, len(want))
	}
	isGone(t, path+".import")
}

// TestImportGoesOnWithAChangedList wants what changed to be banned, and nothing
// else again.
func TestImportGoesOnWithAChangedList(t *testing.T) {
	t.Parallel()
	f := newImportFake(nil)
	server, path := f.start(t), writeList(t, "")
	var head strings.Builder
	for n := range 200 {
		fmt.Fprintln(&head, numbered(n))
	}
	id, err := openCheckpoint(path + ".import")
	if err != nil {
		t.Fatal(err)
	}
	for run, text := range []string{"192.0.2.1\n192.0.2.2\n", "192.0.2.1\n192.0.2.3\n192.0.2.4\n"} {
		if err := os.WriteFile(path, []byte(head.String()+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if again, err := openCheckpoint(path + ".import"); err != nil || again.id != id.id {
			t.Fatalf("the checkpoint says %+v, %v; want %s", again, err, id.id)
		}
		out := fmt.Sprintf("banned %d addresses up to", 202+run)
		if run == 1 {
			out = "banned 203 addresses up to 7f3a9c-205, 200 of them in an earlier run\n"
		}
		ringcast(t, "ban", "--file", path, "--server", server).want(t, exitDone, out, "")
		if err := writeDurably(path+".import", fmt.Appendf(nil, `{"version":1,"import":%q}`, id.id)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	f := newImportFake(nil)
	server, dir := f.start(t), t.TempDir()
	point := filepath.Join(dir, "point")
	f.lose = 2
	ringcastIn(t, "::1", "ban", "--file", "-", "--server", server).want(t, exitUnreachable, "", "has a checkpoint only if --checkpoint names one")
	ringcastIn(t, "::1", "ban", "--file", "-", "--checkpoint", point, "--server", server).want(t, exitUnreachable, "", "goes on where this one stopped")
	if _, err := os.Stat(point); err != nil {
		t.Error(err)
	}
	f.lose = 0
	ringcastIn(t, "::1", "ban", "--file", "-", "--checkpoint", point, "--server", server).want(t, exitDone, "banned 1 address up", "")
	isGone(t, point)
	for _, text := range []string{"", "{}", `{"version":2,"import":"00112233445566778899aabbccddeeff"}`, `{"version":1,"import":"00"}`, "192.0.2.1\n"} {
		if err := os.WriteFile(point, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ringcastIn(t, "::1", "ban", "--file", "-", "--checkpoint", point, "--server", server).want(t, exitError, "", "is no checkpoint of an import")
		if kept, err := os.ReadFile(point); err != nil || string(kept) != text {
			t.Errorf("a file that is no checkpoint is now %q, %v", kept, err)
		}
	}
	ringcastIn(t, "::1", "ban", "--file", "-", "--checkpoint", "/no/such/dir/point", "--server", server).want(t, exitError, "", "name a file that can be written by --checkpoint")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 11, 21, 12, 0, 0, 1, time.UTC)
	bans := []*ringcastv1.Ban{
		ban("192.0.2.1", "abuse", 1), ban("192.0.2.1", "own", 2), ban("192.0.2.2", "", 3), ban("2001:db8::/32", hostile, 4), ban("::1", "", 5),
	}
	bans[0].ExpiresAt = timestamppb.New(now.Add(time.Hour))
	bans[1].ExpiresAt, bans[1].Automatic = timestamppb.New(now.Add(59*time.Second+1)), true
	bans[4].ExpiresAt = timestamppb.New(now.Add(-time.Second)) // by a clock that is ahead of the control plane's
	var out bytes.Buffer
	a := &admin{out: &out, errOut: &out, now: func() time.Time { return now }}
	cmd := bansCommand(a)
	cmd.SetArgs([]string{"--export", "--server", (&fake{bans: bans}).start(t)})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "192.0.2.1 ttl=1h abuse\n192.0.2.1 ttl=1m by=edge own\n192.0.2.2\n" +
		`2001:db8::/32 "a\u001b[2Jb\u202ec\u009d0;td\ne\tf\u2028g\u007f"` + "\n::1 ttl=1s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("export (-want +got):\n%s", diff)
	}
}

// TestChunks wants a list to be cut the same however it is read, and nothing of it
// to be lost.
func TestChunks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		lines := 0
		for range rapid.IntRange(0, 400).Draw(t, "lines") {
			line := rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.1 again", "nonsense", "# comment", "", "::1 by=edge", "x"}).Draw(t, "line")
			if line == "x" {
				line = numbered(rapid.IntRange(0, 300).Draw(t, "address"))
			}
			if line != "" && line[0] != '#' {
				lines++
			}
			text.WriteString(line + rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
		}
		whole := newChunks(strings.NewReader(text.String()), "id", listedBan{}, false)
		slow := newChunks(&oneByOne{text: text.String()}, "id", listedBan{}, false)
		got, last := 0, 0
		for {
			a, errA := whole.next()
			b, errB := slow.next()
			if (errA == nil) != (errB == nil) {
				t.Fatalf("%v against %v", errA, errB)
			}
			if errA != nil {
				break
			}
			if a.id != b.id || a.end != b.end || len(a.lines) != len(b.lines) || len(a.lines) > chunkBans || len(a.refused) > chunkRefused {
				t.Fatalf("%+v against %+v", a, b)
			}
			seen := make(map[banKey]bool)
			for _, line := range a.lines {
				if seen[line.ban.key()] || line.number <= last {
					t.Fatalf("line %d after %d, twice: %t", line.number, last, seen[line.ban.key()])
				}
				seen[line.ban.key()], last = true, line.number
			}
			got += len(a.lines) + len(a.refused) + a.same
		}
		if got != lines || whole.read != int64(text.Len()) {
			t.Fatalf("%d of %d lines, %d of %d bytes", got, lines, whole.read, text.Len())
		}
	})
}

// oneByOne gives a byte at a time.
type oneByOne struct{ text string }

func (r *oneByOne) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := strings.NewReader(r.text).Read(p[:1])
	r.text = r.text[n:]
	return n, err
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := newProgress(&out, 1000, func() time.Time { return now })
	p.tell(5, 10)
	now = now.Add(sayEvery)
	p.tell(500, 250)
	p.tell(501, 251)
	if got, want := out.String(), "ringcast:  25%  500 lines, 50/s, 30s left\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	out.Reset()
	p.terminal = true
	now = now.Add(sayEvery)
	p.tell(1000, 1000)
	p.clear()
	p.clear()
	if got, want := out.String(), "\r\x1b[K["+strings.Repeat("#", barWidth)+"] 100%  1000 lines, 50/s, 0s left\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	out.Reset()
	p = newProgress(&out, 0, func() time.Time { return now })
	now = now.Add(sayEvery)
	p.tell(7, 70)
	if got, want := out.String(), "ringcast: 7 lines, 1/s\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
