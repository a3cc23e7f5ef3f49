package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// batchSender sends a mutation as the last of a batch, after an invalidation of its id.
type batchSender struct{ restSender }

func (s batchSender) send(m mutation) (uint64, bool, error) {
	data, err := json.Marshal(map[string]any{"request_id": m.id, "mutations": []any{
		map[string]any{"invalidate": map[string]any{"tags": []string{m.id}}},
		map[string]any{s.member(m): s.request(m)},
	}})
	if err != nil {
		return 0, false, err
	}
	resp, err := client.Post(s.url+"/v1/batch", "application/json", bytes.NewReader(data))
	if err != nil {
		return 0, true, err
	}
	a, err := read(resp)
	if err != nil {
		return 0, true, err
	}
	if a.code != http.StatusOK {
		return 0, a.code >= 500, fmt.Errorf("%s: %s", data, a)
	}
	var answer struct{ Positions []string }
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil || len(answer.Positions) != 2 {
		return 0, false, fmt.Errorf("%s: %v", a, err)
	}
	position, err := strconv.ParseUint(answer.Positions[1], 10, 64)
	if answer.Positions[0] != strconv.FormatUint(position-1, 10) {
		err = fmt.Errorf("positions are not adjacent: %s", a)
	}
	return position, false, err
}

func (s batchSender) member(m mutation) string {
	return map[string]string{
		"ip_banned": "ban_ip", "ip_unbanned": "unban_ip", "token_revoked": "revoke_token", "token_restored": "restore_token",
	}[m.eventType()]
}

func (s batchSender) request(m mutation) map[string]string {
	_, body := s.route(m)
	return body
}

// TestBatchesAfterKills: writers who repeat their batches until they have an answer
// find each applied once and whole, and once in the audit.
func TestBatchesAfterKills(t *testing.T) {
	t.Parallel()
	const kills, writing, members = 5, 6, 2
	c := startControl(t)
	rest := openDoor(t, c.httpAddress())
	w := startWriters(t, slices.Repeat([]sender{batchSender{restSender{rest.url()}}}, writing)...)
	for range kills {
		w.flow(betweenKills)
		c.kill()
		c.start(t)
		rest.to(c.httpAddress())
	}
	w.flow(betweenKills)
	w.stop()
	acked := w.acknowledged()
	positionsOnce(t, acked)
	if head, want := c.status().GetHead(), uint64(members*len(acked)); head != want {
		t.Errorf("the head is at %d after %d batches", head, len(acked))
	}
	listsHave(t, c.api, latest(acked))

	want := map[string]uint64{}
	for _, m := range acked {
		want[m.id] = m.position
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), invalidated(t, c)); diff != "" {
		t.Errorf("the log has other batches than those acknowledged (-want +got):\n%s", diff)
	}
	got := map[string]uint64{}
	for _, r := range listAudit(t, c.api, 37) {
		if _, twice := got[r.GetRequestId()]; twice {
			t.Errorf("%s is in the audit twice", r.GetRequestId())
		}
		got[r.GetRequestId()] = r.GetPosition()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the audit is not what was acknowledged (-want +got):\n%s", diff)
	}
	for _, m := range acked {
		if position, _, err := (batchSender{restSender{c.url}}).send(m); position != m.position || err != nil {
			t.Errorf("repeated, %+v gives position %d, %v", m, position, err)
		}
	}
	if head := c.status().GetHead(); head != uint64(members*len(acked)) {
		t.Errorf("repeats moved the head to %d", head)
	}
}

// invalidated lists the tags of all invalidations in the log.
func invalidated(t *testing.T, c *control) []string {
	t.Helper()
	var tags []string
	for _, f := range events(poll(t, c.url, "0")) {
		if f.event != "cache_invalidated" {
			continue
		}
		var about struct{ Tags []string }
		if err := json.Unmarshal([]byte(f.data), &about); err != nil {
			t.Fatal(err)
		}
		tags = append(tags, about.Tags...)
	}
	slices.Sort(tags)
	return tags
}
