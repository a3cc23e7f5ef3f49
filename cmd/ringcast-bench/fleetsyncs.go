package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// syncCalls are the system calls that make something durable, and so does opening a file
// with O_SYNC or O_DSYNC, which SQLite does not do.
const syncCalls = "fsync,fdatasync,sync_file_range,syncfs,sync,msync"

// syncWindow is for how long reports are watched: long enough for them to be saved.
const syncWindow = reportsSaved + time.Second

// syncs is how often the control plane made something durable.
type syncs struct {
	// traced tells whether there was a strace to tell.
	traced  bool
	reports int64
	// ofReports happened while edges reported, ofBan for a ban after that, which shows
	// that they would have been seen.
	ofReports, ofBan int
}

func (s syncs) row() []string {
	if !s.traced {
		return []string{"strace is not installed: fsyncs are not counted"}
	}
	name := fmt.Sprintf("fsyncs for %s reports; for a ban after them %d", count(s.reports), s.ofBan)
	return []string{name, strconv.Itoa(s.ofReports), "", "", "", target("0", s.ofReports == 0)}
}

// countSyncs has strace look at the control plane while edges report, and then at a ban.
func (r *reporters) countSyncs(ctx context.Context, b *bench) (s syncs, err error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return syncs{}, nil
	}
	b.say("watching for fsyncs, %s", syncWindow)
	file := filepath.Join(b.dir, "strace")
	tracer, err := startChild(ctx, "strace", strace, "-f", "-e", "trace="+syncCalls, "-o", file, "-p", strconv.Itoa(r.control.pid()))
	if err != nil {
		return syncs{}, err
	}
	defer func() { err = errors.Join(err, tracer.stop()) }()
	if err := tracer.until(ctx, func() bool { return bytes.Contains([]byte(tracer.said.String()), []byte("attached")) }); err != nil {
		return syncs{}, err
	}
	transport := reportTransport(false)
	before := r.sent.Load()
	if err := r.keepReporting(ctx, syncWindow, &http.Client{Transport: transport, Timeout: askTimeout}); err != nil {
		return syncs{}, err
	}
	s = syncs{traced: true, reports: r.sent.Load() - before, ofReports: syncsIn(file)}
	c := newCaller(r.control.url)
	defer c.leave()
	if _, err := c.ban(ctx, address(0)); err != nil {
		return s, err
	}
	err = tracer.until(ctx, func() bool { s.ofBan = syncsIn(file) - s.ofReports; return s.ofBan > 0 })
	return s, err
}

// syncsIn counts the calls in what strace wrote: a line that begins one has its
// parenthesis, a line that resumes it does not.
func syncsIn(file string) (n int) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0 // strace has not begun it
	}
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte("sync")) && !bytes.Contains(line, []byte("resumed>")) {
			n++
		}
	}
	return n
}
