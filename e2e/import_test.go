package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// bigList is a list of n bans, every hundredth of which has two neighbours that
// are refused, and the reasons of those that are not.
func bigList(n int) (text string, bans map[string]string, refused int) {
	var list strings.Builder
	bans = make(map[string]string, n)
	for i := range n {
		ip := fmt.Sprintf("198.%d.%d.%d", 18+i>>16, i>>8&255, i&255)
		fmt.Fprintf(&list, "%s number %d\n", ip, i)
		bans[ip] = fmt.Sprint("number ", i)
		if i%100 == 7 {
			fmt.Fprintf(&list, "10.0.0.%d allowed\nnonsense\n", i>>8&255)
			refused += 2
		}
	}
	return list.String(), bans, refused
}

func reasonsOf(bans []*ringcastv1.Ban) map[string]string {
	reasons := make(map[string]string, len(bans))
	for _, b := range bans {
		reasons[b.GetIp()] = b.GetReason()
	}
	return reasons
}

// TestImportGoesOnAfterKills cuts an import at random: the control plane is killed,
// or the import is killed or interrupted. The same command goes on, and in the end
// the log is that of an import that nobody disturbed, with no ban written twice.
func TestImportGoesOnAfterKills(t *testing.T) {
	t.Parallel()
	const bans, cuts = 20_000, 6
	control := startControl(t)
	startCLI(t, control).run(exitDone, "allow", "10.0.0.0/8")
	text, want, refused := bigList(bans)
	list := filepath.Join(t.TempDir(), "list")
	writeFile(t, list, text)
	for cut := range cuts {
		run := launch(t, "import", startCLI(t, control).env, "ban", "--file", list)
		at := control.status().GetHead() + 1 + rand.Uint64N(bans/cuts)
		eventually(t, "the import has come so far", func() error {
			if head := control.status().GetHead(); head < at {
				return fmt.Errorf("head %d, want %d", head, at)
			}
			return nil
		})
		switch cut % 3 {
		case 0:
			control.kill()
			if code := run.wait(patience); code != exitUnreachable || !strings.Contains(run.log.String(), "goes on where this one stopped") {
				t.Errorf("without a control plane: %d\n%s", code, tail(run.log.String(), 5))
			}
			control.start(t)
		case 1:
			run.kill()
		case 2:
			if code := run.terminate(); code != exitError || !strings.Contains(run.log.String(), "interrupted; the same command goes on") {
				t.Errorf("interrupted: %d\n%s", code, tail(run.log.String(), 5))
			}
		}
		if _, err := os.Stat(list + ".import"); err != nil {
			t.Fatal(err)
		}
	}
	last := ringcast(t, startCLI(t, control).env, "ban", "--file", list)
	if last.code != exitError || !strings.Contains(last.out, fmt.Sprintf("banned %d addresses", bans)) || !strings.Contains(last.out, "in an earlier run") ||
		!strings.Contains(last.err, fmt.Sprintf("%d of %d lines refused", refused, bans+refused)) || strings.Count(last.err, "ADDRESS_ALLOWED") != refused/2 {
		t.Errorf("the last run: %d\n%s%s", last.code, last.out, tail(last.err, 5))
	}
	if got := reasonsOf(listBans(t, control.api, 1000)); !maps.Equal(want, got) {
		t.Errorf("%d bans are in force, want %d", len(got), len(want))
	}
	if head := control.status().GetHead(); head != bans+1 {
		t.Errorf("head is %d: %d bans were written twice", head, head-bans-1)
	}
	if _, err := os.Stat(list + ".import"); !os.IsNotExist(err) {
		t.Errorf("the checkpoint is left: %v", err)
	}
	wholeUnits(t, control, bans+1)
}

// wholeUnits checks that a stream has every event, and ends each unit with an id.
func wholeUnits(t *testing.T, c *control, events int) {
	t.Helper()
	got, open := 0, 0
	for _, f := range poll(t, c.url, "") {
		switch f.event {
		case "ip_banned", "ip_allowed":
			got++
			if open++; f.id != "" {
				open = 0
			}
			if open > 100 {
				t.Fatalf("a unit has more than 100 events: %+v", f)
			}
		case "synced":
			if open != 0 {
				t.Errorf("%d events before synced belong to no unit", open)
			}
		}
	}
	if got != events {
		t.Errorf("the stream has %d events, want %d", got, events)
	}
}

// TestExportAndImport carries bans from one control plane to another.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	from, to := startControl(t), startControl(t)
	a, b := startCLI(t, from), startCLI(t, to)
	a.run(exitDone, "ban", "192.0.2.1", "--reason", `ttl=1h # "quoted"`, "--ttl", "10h")
	a.run(exitDone, "ban", "2001:db8::/32", "198.51.100.0/24", "--reason", "abuse")
	from.ban("203.0.113.7", "")
	exported := a.run(exitDone, "bans", "--export").out
	list := filepath.Join(t.TempDir(), "bans")
	writeFile(t, list, exported)
	b.says([]string{"ban", "--file", list}, "banned 4 addresses")
	if got := b.run(exitDone, "bans", "--export").out; strings.Count(got, "\n") != 4 || withoutTTL(got) != withoutTTL(exported) {
		t.Errorf("exported again:\n%s\nat first:\n%s", got, exported)
	}
	if !strings.Contains(exported, "192.0.2.1 ttl=10h") && !strings.Contains(exported, "192.0.2.1 ttl=9h59m") {
		t.Errorf("exported:\n%s", exported)
	}
	theirs, ours := listBans(t, from.api, 10), listBans(t, to.api, 10)
	for i := range ours {
		later := ours[i].GetExpiresAt().AsTime().Sub(theirs[i].GetExpiresAt().AsTime())
		if ours[i].GetReason() != theirs[i].GetReason() || (ours[i].GetExpiresAt() == nil) != (theirs[i].GetExpiresAt() == nil) || later < 0 || later > patience {
			t.Errorf("%v became %v", theirs[i], ours[i])
		}
	}
}

// withoutTTL takes the times out, which pass.
func withoutTTL(list string) string {
	var words []string
	for _, word := range strings.Fields(list) {
		if !strings.HasPrefix(word, "ttl=") {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// TestImportExitCodes: 1 for refused lines and for a list that cannot be read, 2
// for a mistake in the line, 5 where nobody answers.
func TestImportExitCodes(t *testing.T) {
	t.Parallel()
	control := startControl(t)
	c := startCLI(t, control)
	list := filepath.Join(t.TempDir(), "list")
	writeFile(t, list, "192.0.2.1\r\n10.0.0.1/8\r\n192.0.2.2 ttl=1h why\r\n")
	got := c.run(exitError, "ban", "--file", list)
	if !strings.Contains(got.err, "line 2:") || !strings.Contains(got.err, "INVALID_IP") || !strings.Contains(got.out, "banned 2 addresses") {
		t.Errorf("refused lines: %s%s", got.out, got.err)
	}
	c.run(exitError, "ban", "--file", list+".not")
	c.run(exitUsage, "ban", "--file", list, "192.0.2.1")
	c.run(exitUsage, "ban", "--checkpoint", list)
	c.run(exitUsage, "bans", "--export", "-o", "json")
	writeFile(t, list, "192.0.2.1\n")
	control.kill()
	c.run(exitUnreachable, "ban", "--file", list)
	if _, err := os.Stat(list + ".import"); !os.IsNotExist(err) {
		t.Errorf("an import that never began left a checkpoint: %v", err)
	}
}
