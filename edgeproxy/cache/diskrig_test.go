package cache

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringcast/ringcast/edgeproxy/cache/disk"
)

// diskRig is a rig with a disk, which can be started again.
type diskRig struct {
	*rig
	t fataler
	// path is the cache file's, disk what is opened there; config is the cache's.
	path   string
	disk   disk.Config
	config Config
	// stop ends the writer of the disk; nil where there is none.
	stop func()
}

// fataler is a test, of this package or of rapid.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// newDiskRig gives one whose memory holds all, unless config says otherwise.
func newDiskRig(t testing.TB, config Config, change ...func(*disk.Config)) *diskRig {
	t.Helper()
	r := prepareDiskRig(t, newStateFile(t), filepath.Join(t.TempDir(), "cache.db"), config)
	for _, f := range change {
		f(&r.disk)
	}
	r.begin(NewFences(r.clock.Now))
	t.Cleanup(func() { r.end() })
	return r
}

func prepareDiskRig(t fataler, file *stateFile, path string, config Config) *diskRig {
	r := &diskRig{rig: &rig{file: file, clock: newClock()}, t: t, path: path, config: config}
	if r.config.MaxBytes == 0 {
		r.config.MaxBytes, r.config.MaxEntries, r.config.MaxObject = 1<<20, 1000, 1<<16
	}
	r.disk = disk.Config{
		Instance: "one", MaxBytes: 1 << 30, MaxEntries: 1 << 20,
		Logger: slog.New(slog.DiscardHandler), Now: r.clock.Now,
	}
	return r
}

// begin does what the edge does at its start.
func (r *diskRig) begin(fences *Fences) {
	r.t.Helper()
	r.disk.Path = r.path
	store, err := disk.Open(context.Background(), r.disk)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := fences.RaiseTo(context.Background(), r.file, store.Generation()); err != nil {
		r.t.Fatal(err)
	}
	r.config.Now, r.config.Disk = r.clock.Now, store
	r.Cache = New(r.config, fences, r.file)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Fatal(err)
		}
		r.stop = nil
	}
}

// end is an orderly stop: what is queued is written.
func (r *diskRig) end() {
	r.Close()
	if r.stop != nil {
		r.stop()
	}
	if err := r.store.disk.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// restart ends and begins again. The fences are those of the state file.
func (r *diskRig) restart() {
	r.t.Helper()
	r.end()
	r.begin(r.load())
}

// kill loses what is not in the cache file yet. Nothing may be at work.
func (r *diskRig) kill() {
	r.t.Helper()
	next := r.path + "+"
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(r.path + suffix)
		if err == nil {
			err = os.WriteFile(next+suffix, content, 0o600)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	r.end()
	r.path = next
	r.begin(r.load())
}

func (r *diskRig) load() *Fences {
	r.t.Helper()
	f := NewFences(r.clock.Now)
	if err := f.Load(context.Background(), r.file.db); err != nil {
		r.t.Fatal(err)
	}
	return f
}

// flush returns when all that was stored is in the file.
func (r *diskRig) flush() {
	r.t.Helper()
	if err := r.store.disk.Sync(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// forgetMemory is an eviction of everything.
func (r *diskRig) forgetMemory() { r.store.resources.InvalidateAll() }

// tell asks, and gives body and outcome as one.
func (r *diskRig) tell(request *Request, fetch FetchFunc) string {
	r.t.Helper()
	body, o, err := r.ask(context.Background(), request, fetch)
	if err != nil {
		return err.Error()
	}
	return body + " " + strings.TrimPrefix(o.String(), "ringcast; ")
}

func (r *diskRig) want(request *Request, fetch FetchFunc, want string) {
	r.t.Helper()
	if got := r.tell(request, fetch); got != want {
		r.t.Fatal("got", got, "want", want)
	}
}
