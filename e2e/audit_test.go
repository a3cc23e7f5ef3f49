package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// audited is a record as a script reads it.
type audited struct {
	Time      string
	Principal string
	Address   string
	RPC       string
	Position  string
	Epoch     string
	RequestID string `json:"request_id"`
	Request   map[string]any
}

// auditLines runs the verb and decodes each line.
func auditLines(c *cli, args ...string) []audited {
	c.t.Helper()
	var records []audited
	decoder := json.NewDecoder(strings.NewReader(c.run(exitDone, append([]string{"audit", "-o", "jsonl"}, args...)...).out))
	for decoder.More() {
		var r audited
		if err := decoder.Decode(&r); err != nil {
			c.t.Fatalf("audit %v: %v", args, err)
		}
		records = append(records, r)
	}
	return records
}

// outline is a record in a line: who, by what, where, and what for.
func (r audited) outline() string {
	request, err := json.Marshal(r.Request)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s %s %s %s %s", r.Position, r.Principal, r.Address, r.RPC, request)
}

// TestAudit: whatever way a mutation comes, it is there with who and from where;
// nothing else is; a restart changes nothing.
func TestAudit(t *testing.T) {
	t.Parallel()
	control := startControl(t)
	c := startCLI(t, control)
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, "raw-token\n")

	c.run(exitDone, "ban", "192.0.2.1", "--reason", "by CLI", "--request-id", "r 1")
	c.run(exitDone, "ban", "192.0.2.1", "--reason", "by CLI", "--request-id", "r 1")
	c.run(exitError, "ban", "192.0.2.2", "--request-id", "r 1")
	if a := curl(t, "-X", "POST", control.url+"/v1/bans", "-d", `{"ip":"2001:db8::/32","reason":"by REST"}`); a.code != http.StatusOK {
		t.Fatal(a)
	}
	isRefusal(t, "a bad ban", curl(t, "-X", "POST", control.url+"/v1/bans", "-d", `{"ip":"10.0.0.1/8"}`), http.StatusBadRequest)
	control.invalidate("post:1")
	c.run(exitDone, "revoke", "--token-file", token)
	c.run(exitDone, "unban", "192.0.2.1")

	const hash = "sha256:"
	want := []string{
		`5 anonymous 127.0.0.1 ringcast.v1.BanService/UnbanIP {"ip":"192.0.2.1"}`,
		`4 anonymous 127.0.0.1 ringcast.v1.TokenService/RevokeToken {"token":"` + hash,
		`3 anonymous 127.0.0.1 ringcast.v1.CacheService/Invalidate {"tags":["post:1"]}`,
		`2 anonymous 127.0.0.1 ringcast.v1.BanService/BanIP {"ip":"2001:db8::/32","reason":"by REST"}`,
		`1 anonymous 127.0.0.1 ringcast.v1.BanService/BanIP {"ip":"192.0.2.1","reason":"by CLI","request_id":"r 1"}`,
	}
	check := func() {
		t.Helper()
		var got []string
		for _, r := range auditLines(c) {
			line := r.outline()
			if at := strings.Index(line, hash); at >= 0 {
				line = line[:at+len(hash)]
			}
			got = append(got, line)
			if r.Epoch != control.status().GetEpoch() || r.Time == "" {
				t.Errorf("record %+v", r)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
	}
	check()
	auditConditions(c)
	if a := curl(t, control.url+"/v1/audit?rpc=BanIP&page_size=1&contains=REST"); !strings.Contains(a.body, `"ip":"2001:db8::/32"`) || strings.Contains(a.body, "by CLI") {
		t.Errorf("REST: %s", a)
	}
	if a := curl(t, control.url+"/v1/audit"); strings.Contains(a.body, "raw-token") {
		t.Errorf("the raw token is in the audit: %s", a)
	}
	control.kill()
	control.start(t)
	c = startCLI(t, control)
	check()
}

func auditConditions(c *cli) {
	c.t.Helper()
	for line, want := range map[string]int{
		"--rpc BanIP":           2,
		"--limit 4":             4,
		"--contains 192.0.2.1":  2,
		"--address 127.0.0.1":   5,
		"--address ::1":         0,
		"--principal anonymous": 5,
		"--principal alice":     0,
		"--since 1h":            5,
		"--until 1h":            0,
		"--since 2000-01-01T00:00:00Z --until 1s --rpc Preload": 0,
	} {
		if got := auditLines(c, strings.Fields(line)...); len(got) != want {
			c.t.Errorf("audit %s gives %d records, want %d: %+v", line, len(got), want, got)
		}
	}
	if got := auditLines(c, "--request-id", "r 1"); len(got) != 1 || got[0].RequestID != "r 1" {
		c.t.Errorf("audit by request id gives %+v", got)
	}
	c.says([]string{"audit", "--rpc", "BanIP"}, "PRINCIPAL", "anonymous", "r 1", `{"ip":"192.0.2.1","reason":"by CLI"}`)
	c.run(exitError, "audit", "--rpc", "Nonsense")
	c.run(exitUsage, "audit", "--since", "yesterday")
}

// TestAuditAfterKills: writers who repeat until they have an answer find each
// mutation in the audit once, at the position that they were told.
func TestAuditAfterKills(t *testing.T) {
	t.Parallel()
	const kills, writing = 5, 8
	c := startControl(t)
	rest, rpc := openDoor(t, c.httpAddress()), openDoor(t, c.rpc)
	var senders []sender
	for range writing / 2 {
		senders = append(senders, rpcSender{dial(t, rpc.address())}, restSender{rest.url()})
	}
	w := startWriters(t, senders...)
	for range kills {
		w.flow(betweenKills)
		c.kill()
		c.start(t)
		rest.to(c.httpAddress())
		rpc.to(c.rpc)
	}
	w.stop()
	want := map[string]uint64{}
	for _, m := range w.acknowledged() {
		want[m.id] = m.position
	}
	if diff := cmp.Diff(want, auditByID(t, c)); diff != "" {
		t.Errorf("the audit is not what was acknowledged (-want +got):\n%s", diff)
	}
}

// TestAuditOfTheUnacknowledged: after a kill the audit has what was acknowledged,
// and besides at most what was under way, each at a position that there is.
func TestAuditOfTheUnacknowledged(t *testing.T) {
	t.Parallel()
	const writing, before = 8, 20
	c := startControl(t)
	var running sync.WaitGroup
	acked := make([][]mutation, writing)
	count := make(chan struct{}, writing) // one from each writer that is well under way
	for i := range writing {
		s := []sender{rpcSender{dial(t, c.rpc)}, restSender{c.url}}[i%2]
		running.Go(func() {
			for n := 0; ; n++ {
				m := nth(i, n)
				var err error
				if m.position, _, err = s.send(m); err != nil && n <= before {
					t.Errorf("%+v: %v", m, err)
					count <- struct{}{}
				}
				if err != nil {
					return // the control plane is gone
				}
				if acked[i] = append(acked[i], m); n == before {
					count <- struct{}{}
				}
			}
		})
	}
	for range writing {
		<-count
	}
	c.kill()
	running.Wait()
	c.start(t)
	got := auditByID(t, c)
	for i, list := range acked {
		for _, m := range list {
			if got[m.id] != m.position {
				t.Errorf("%+v is at %d in the audit", m, got[m.id])
			}
			delete(got, m.id)
		}
		delete(got, nth(i, len(list)).id) // was under way
	}
	if len(got) > 0 {
		t.Errorf("the audit has what nobody was about to write: %v", got)
	}
}

// auditByID is the position of each record; it checks that every position of the
// log has one record, for each mutation has an event of its own here.
func auditByID(t *testing.T, c *control) map[string]uint64 {
	t.Helper()
	byID, position := map[string]uint64{}, c.status().GetHead()
	for _, r := range listAudit(t, c.api, 37) {
		if _, twice := byID[r.GetRequestId()]; twice || r.GetPosition() != position {
			t.Errorf("want a record of position %d, got %v", position, r)
		}
		byID[r.GetRequestId()] = r.GetPosition()
		position--
	}
	if position != 0 {
		t.Errorf("up to position %d there are no records", position)
	}
	return byID
}

// listAudit reads all pages.
func listAudit(t *testing.T, a api, size int32) []*ringcastv1.AuditRecord {
	t.Helper()
	var all []*ringcastv1.AuditRecord
	for token := ""; ; {
		page := must[*ringcastv1.ListAuditResponse](t)(ringcastv1.NewAuditServiceClient(a.conn).ListAudit(
			a.deadline(), &ringcastv1.ListAuditRequest{PageSize: size, PageToken: token}))
		all = append(all, page.GetRecords()...)
		if token = page.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// TestAuditRetention: old records go, by themselves, and nothing else with them.
func TestAuditRetention(t *testing.T) {
	t.Parallel()
	c := startControl(t, "--audit-retention", "1s")
	c.ban("192.0.2.1", "stays")
	eventually(t, "the record is forgotten", func() error {
		if n := len(listAudit(t, c.api, 10)); n > 0 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
	if bans := listBans(t, c.api, 10); len(bans) != 1 {
		t.Errorf("bans are %v", bans)
	}
}
