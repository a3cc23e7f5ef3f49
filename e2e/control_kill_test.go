package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

const (
	// kills is how often a process is killed under load.
	kills = 20
	// betweenKills is how many mutations are acknowledged from one to the next.
	betweenKills = 40
)

// TestControlPlaneKilledUnderWriters: whatever was acknowledged is there
// afterwards, once, at the position that was told.
func TestControlPlaneKilledUnderWriters(t *testing.T) {
	t.Parallel()
	c := startControl(t)
	rest, rpc := openDoor(t, c.httpAddress()), openDoor(t, c.rpc)
	var senders []sender
	for range 8 {
		senders = append(senders, rpcSender{dial(t, rpc.address())}, restSender{rest.url()})
	}
	w := startWriters(t, senders...)
	f := startFollowing(t, rest.url())
	for range kills {
		w.flow(betweenKills)
		c.kill()
		c.start(t)
		rest.to(c.httpAddress())
		rpc.to(c.rpc)
	}
	w.flow(betweenKills)
	w.stop()
	acked := w.acknowledged()
	t.Logf("%d mutations were acknowledged, %d events followed", len(acked), f.count())

	byPosition := positionsOnce(t, acked)
	logHas(t, c, acked)
	listsHave(t, c.api, latest(acked))
	repeatsChangeNothing(t, c, acked)
	f.reaches(c.status().GetHead())
	f.sawOnly(byPosition)
}

// positionsOnce checks that no position was given to two mutations.
func positionsOnce(t *testing.T, acked []mutation) map[uint64]mutation {
	t.Helper()
	byPosition := map[uint64]mutation{}
	for _, m := range acked {
		if other, used := byPosition[m.position]; used {
			t.Errorf("position %d was given to %+v and to %+v", m.position, other, m)
		}
		byPosition[m.position] = m
	}
	return byPosition
}

// logHas checks, with a stream from the beginning, that the log has the latest
// mutation of each entity where it was acknowledged, and nothing else.
func logHas(t *testing.T, c *control, acked []mutation) {
	t.Helper()
	want, got := map[uint64]string{}, map[uint64]string{}
	for _, m := range latest(acked) {
		want[m.position] = m.eventType() + " " + m.entity
	}
	for _, f := range events(poll(t, c.url, "0")) {
		got[f.position(t)] = f.event + " " + entityOf(f)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the log has other events than those acknowledged (-want +got):\n%s", diff)
	}
}

// entityOf names what an event is about, as mutation does.
func entityOf(f frame) string {
	var about struct{ IP, JTI string }
	if err := json.Unmarshal([]byte(f.data), &about); err != nil {
		return fmt.Sprintf("undecodable %q", f.data)
	}
	if about.JTI != "" {
		return "jti:" + about.JTI
	}
	return about.IP
}

// listsHave checks the lists, read in pages, and a look-up of each entity.
func listsHave(t *testing.T, a api, last map[string]mutation) {
	t.Helper()
	want := map[string]uint64{}
	for entity, m := range last {
		if !m.lift {
			want[entity] = m.position
		}
	}
	got := map[string]uint64{}
	for _, ban := range listBans(t, a, 37) {
		got[ban.GetIp()] = ban.GetPosition()
	}
	for _, revocation := range listRevocations(t, a, 41) {
		got["jti:"+revocation.GetJti()] = revocation.GetPosition()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the lists are not what was acknowledged (-want +got):\n%s", diff)
	}
	for entity, m := range last {
		if in := inForce(t, a, m); in == m.lift {
			t.Errorf("%s is in force: %t, but the last mutation is %+v", entity, in, m)
		}
	}
}

func inForce(t *testing.T, a api, m mutation) bool {
	t.Helper()
	if jti, token := m.jti(); token {
		return must[*ringcastv1.CheckTokenResponse](t)(a.tokens.CheckToken(a.deadline(), &ringcastv1.CheckTokenRequest{Jti: jti})).GetRevoked()
	}
	return must[*ringcastv1.CheckIPResponse](t)(a.bans.CheckIP(a.deadline(), &ringcastv1.CheckIPRequest{Ip: m.entity})).GetBanned()
}

// repeatsChangeNothing sends everything again: the first positions come back,
// over gRPC as over REST, and the head stays.
func repeatsChangeNothing(t *testing.T, c *control, acked []mutation) {
	t.Helper()
	head := c.status().GetHead()
	senders := []sender{rpcSender{c.api}, restSender{c.url}}
	for i, m := range acked {
		position, _, err := senders[i%len(senders)].send(m)
		if err != nil || position != m.position {
			t.Errorf("repeated, %+v gives position %d, %v", m, position, err)
		}
	}
	if now := c.status().GetHead(); now != head {
		t.Errorf("repeats moved the head from %d to %d", head, now)
	}
}
