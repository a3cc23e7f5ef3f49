package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// goneLimit is how long what was invalidated may be served.
	goneLimit = time.Millisecond
	// goneTimeout is when an invalidation counts as lost.
	goneTimeout = 10 * time.Second
	// goneBefore is how many invalidations of another tag come first: neither side
	// is to do it for the first time.
	goneBefore = 10
	// goneAgain is how often one entry more is invalidated.
	goneAgain = 50
)

// invalidation is one tag's way from the control plane to the edge.
type invalidation struct {
	sent, accepted, gone time.Time
	// before and after are the shares of the entries that are served.
	before, after float64
}

// fromAccepted is less than 0 where the edge was quicker than the answer.
func (i invalidation) fromAccepted() time.Duration { return i.gone.Sub(i.accepted) }
func (i invalidation) fromSent() time.Duration     { return i.gone.Sub(i.sent) }

// invalidateAll invalidates the tag of all entries, and then that of one which is
// fetched again each time: the others stay what they are, stored and of no use.
func (e *entries) invalidateAll(ctx context.Context) (first invalidation, again []invalidation, err error) {
	p, err := dialProbe(ctx, e.edge.url)
	if err != nil {
		return first, nil, err
	}
	defer p.close()
	for range goneBefore {
		if _, _, err := invalidateTag(ctx, e.control.url, "another"); err != nil {
			return first, nil, err
		}
	}
	e.bench.say("invalidating the tag of %s entries", count(e.stored))
	before, err := p.share(e.sample)
	if err != nil {
		return first, nil, err
	}
	if first, err = e.invalidate(ctx, p, e.sample[0]); err != nil {
		return first, nil, err
	}
	first.before = before
	if first.after, err = p.share(e.sample); err != nil {
		return first, nil, err
	}
	for range goneAgain {
		one := limits{connections: 1, time: goneTimeout, calls: 1}
		if _, err := one.call(ctx, e.edge.url, e.bodies, inTurn(e.sample[:1])); err != nil {
			return first, again, err
		}
		i, err := e.invalidate(ctx, p, e.sample[0])
		if err != nil {
			return first, again, err
		}
		again = append(again, i)
	}
	return first, again, nil
}

// invalidate asks for an object that has the tag until it is not served, and
// invalidates the tag meanwhile.
func (e *entries) invalidate(ctx context.Context, p *probe, o object) (i invalidation, err error) {
	ctx, cancel := context.WithTimeout(ctx, goneTimeout)
	defer cancel()
	if served, err := p.ask(o); err != nil || !served {
		return i, errors.Join(fmt.Errorf("%s is not served before", o.path()), err)
	}
	var both errgroup.Group
	both.Go(func() (err error) {
		i.gone, err = p.untilGone(ctx, o)
		return err
	})
	both.Go(func() (err error) {
		i.sent, i.accepted, err = invalidateTag(ctx, e.control.url, benchTag)
		return err
	})
	return i, both.Wait()
}

func invalidateTag(ctx context.Context, control, tag string) (sent, accepted time.Time, err error) {
	body := strings.NewReader(`{"tags":["` + tag + `"]}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, control+"/v1/cache:invalidate", body)
	if err != nil {
		return sent, accepted, err
	}
	req.Header.Set("Content-Type", "application/json")
	sent = time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return sent, accepted, err
	}
	defer resp.Body.Close()
	if accepted = time.Now(); resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the control plane answers %s", resp.Status)
	}
	return sent, accepted, err
}

func (e *entries) invalidateTable(first invalidation, again []invalidation) *table {
	t := newTable(fmt.Sprintf("one tag of %s entries", count(e.stored)),
		"accepted (REST answer) to the first that is not served", "from sent", "served before, after", "target")
	t.add("all of them, once", duration(first.fromAccepted()), duration(first.fromSent()),
		percent(first.before)+", "+percent(first.after), target("< "+goneLimit.String(), first.fromAccepted() < goneLimit))
	accepted := each(again, invalidation.fromAccepted)
	t.add(fmt.Sprintf("one that was fetched again, %d times", len(again)),
		spread(accepted, duration), spread(each(again, invalidation.fromSent), duration), "",
		target("< "+goneLimit.String(), median(accepted) < goneLimit))
	return t
}
