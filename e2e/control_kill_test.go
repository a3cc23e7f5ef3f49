package e2e

import (
	"encoding/json"
	"fmt"
	"sync"
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

// following is a reader that resumes where it was cut off.
type following struct {
	t    *testing.T
	base string
	stop func() // and wait

	mu   sync.Mutex // guards seen
	seen []frame
	at   string // of the reader alone
}

func startFollowing(t *testing.T, base string) *following {
	f := &following{t: t, base: base, at: "0"}
	stopped := make(chan struct{})
	var running sync.WaitGroup
	f.stop = sync.OnceFunc(func() {
		close(stopped)
		running.Wait()
	})
	running.Go(func() {
		for {
			select {
			case <-stopped:
				return
			default:
				f.follow(stopped)
			}
		}
	})
	t.Cleanup(f.stop)
	return f
}

// follow reads one connection to its end.
func (f *following) follow(stopped <-chan struct{}) {
	resp, err := requestStream(f.t, f.base, "", f.at)
	if err != nil {
		return
	}
	s := newStream(f.t, resp)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-stopped:
			s.close()
		case <-ended:
		}
	}()
	for {
		frame, err := s.read()
		if err != nil {
			return
		}
		if frame.event == "reset" {
			f.t.Errorf("a reader that resumes at %s is reset", f.at)
		}
		if frame.id != "" {
			f.at = frame.id
			f.mu.Lock()
			f.seen = append(f.seen, frame)
			f.mu.Unlock()
		}
	}
}

func (f *following) frames() []frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]frame(nil), f.seen...)
}

func (f *following) count() int { return len(f.frames()) }

// reaches waits for the position, and ends the reading.
func (f *following) reaches(position uint64) {
	f.t.Helper()
	eventually(f.t, "the reader reaches the head", func() error {
		frames := f.frames()
		if len(frames) == 0 || frames[len(frames)-1].position(f.t) < position {
			return errNotYet
		}
		return nil
	})
	f.stop()
}

// sawOnly checks that positions rose, and that every event was acknowledged as
// what it was streamed: nothing was sent that a kill then undid.
func (f *following) sawOnly(byPosition map[uint64]mutation) {
	f.t.Helper()
	var last uint64
	for _, frame := range f.frames() {
		position := frame.position(f.t)
		if position < last || (position == last && frame.event != "position") {
			f.t.Errorf("position %d comes after %d: %+v", position, last, frame)
		}
		last = position
		m := byPosition[position]
		if frame.event != "position" && (m.eventType() != frame.event || m.entity != entityOf(frame)) {
			f.t.Errorf("streamed %+v, acknowledged %+v", frame, m)
		}
	}
}
