package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestPublish by every way there is: who names the channel gets the event as it was
// sent, an edge and all others do not. The edge's position moves on all the same, so
// that --wait ends. A subscriber that was away over a restart gets what it missed.
func TestPublish(t *testing.T) {
	t.Parallel()
	c := startControl(t, "--ring-size", "2")
	e := startEdge(t, startOrigin(t).URL, c.url)
	e.reaches(0)
	cli := startCLI(t, c)
	chat := openStream(t, c.url, "last_event_id=latest&channels=room:*&types=chat,cache_invalidated&tags=posts:*")
	chat.until("synced")
	plain := openStream(t, c.url, "last_event_id=latest")
	plain.until("synced")

	confirmed := ringcast(t, cli.env, "publish", "chat", "--channel", "room:1", "--data", "from the CLI\n", "--wait", "--timeout", "10s")
	if confirmed.code != exitDone || !strings.Contains(confirmed.out, "published chat on room:1 at "+c.status().GetEpoch()+"-1\n") {
		t.Errorf("publish --wait: %+v", confirmed)
	}
	if a := c.post("/v1/events:publish", `{"channel":"room:2","type":"chat","data":"{\"from\":\"REST\"}"}`); a.code != http.StatusOK || !strings.Contains(a.body, `"position":"2"`) {
		t.Errorf("POST: %s", a)
	}
	cli.says([]string{"publish", "chat", "--data", "on another channel"}, "published chat on default at")
	cli.says([]string{"publish", "typing", "--channel", "room:1"}, "published typing on room:1 at")
	head := c.invalidate("posts:7", "users:1")
	e.reaches(head)
	if status := e.status(); strings.Contains(e.metrics(), "ringcast_edge_events_unknown_total 1") || status.Position != head {
		t.Errorf("the edge heard of published events: %+v", status)
	}

	got := fmt.Sprint(told(chat.until("cache_invalidated")))
	if want := `[chat 1 from the CLI chat 2 {"from":"REST"} cache_invalidated 5 {"tags":["posts:7"],`; !strings.HasPrefix(got, want) {
		t.Errorf("the subscriber gets\n%s, want\n%s", got, want)
	}
	if f := events(plain.until("cache_invalidated")); len(f) != 1 || !strings.Contains(f[0].data, "users:1") {
		t.Errorf("a subscriber without a filter gets %+v", f)
	}

	c.kill()
	c.start(t)
	cli = startCLI(t, c)
	missed := openStream(t, c.url, "follow=false&last_event_id=1&channels=room:*,default&types=chat")
	if got := fmt.Sprint(told(missed.until("synced"))); got != `[chat 2 {"from":"REST"} chat 3 on another channel]` {
		t.Errorf("the resume gives %s", got)
	}
	cli.says([]string{"tail", "--channel", "room:1", "--type", "chat", "--last-event-id", "0", "--no-follow", "-o", "jsonl"},
		`{"type":"chat","id":"`+c.status().GetEpoch()+`-1","position":"1","data":"from the CLI\n"}`)
	isRefusal(t, "a filter of an edge", must[answer](t)(get(c.url+"/events?node=e&channels=a")), http.StatusBadRequest)
	refused := cli.run(exitError, "publish", "reset")
	if !strings.Contains(refused.err, "RESERVED_TYPE") {
		t.Errorf("a reserved type: %s", refused.err)
	}
}

// told lists the events of frames with their positions.
func told(frames []frame) (list []string) {
	for _, f := range events(frames) {
		_, position, _ := strings.Cut(f.id, "-")
		list = append(list, f.event+" "+position+" "+f.data)
	}
	return list
}
