package disk

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// childPath names the file that a child process is to write to until it is killed.
const childPath = "RINGCAST_DISK_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		child(path)
	}
	os.Exit(m.Run())
}

// child puts and removes records without end, with a line for each commit.
func child(path string) {
	s, err := Open(context.Background(), Config{
		Path: path, Instance: "one", MaxBytes: 4 << 20, MaxEntries: 150, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for {
		for range 5 + rand.IntN(15) { // a commit without a record would be none
			n := rand.IntN(200)
			s.Put(record(fmt.Sprint(n), n+200*rand.IntN(5)))
			if rand.IntN(10) == 0 {
				s.Remove(fmt.Sprint(n))
			}
		}
		if err := s.write(context.Background()); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("ok")
	}
}

// TestKilledWhileWriting has the same file written by one process after the other.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	r := newRig(t, limit(150, 4<<20))
	for round := range 8 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		killChild(t, r.config.Path, 1+round*7)
		r.open()
		r.check()
		if r.Stats().Entries == 0 || r.log.lines("cache") > 0 {
			t.Fatal("the file was lost")
		}
		for n := range 200 {
			for _, got := range r.get(fmt.Sprint(n)) {
				if d := diff(got, record(fmt.Sprint(n), int(got.Generation))); d != "" {
					t.Fatal(d)
				}
			}
		}
	}
}

// killChild kills a child some time after so many commits.
func killChild(t *testing.T, path string, commits int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childPath+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < commits && lines.Scan(); n++ {
		if lines.Text() != "ok" {
			t.Error(lines.Text())
		}
	}
	// A pipe holds many lines: it goes on writing meanwhile.
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Errorf("the child ended by itself: %v", err)
	}
}

// TestManyAtOnce has readers, writers and removers meet on few URLs.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, limit(40, 1<<20))
	stop := r.run()
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 150 {
				meet(t, r, random)
			}
		})
	}
	all.Wait()
	stop()
	r.check()
	if r.retired.Load() || r.Stats().Unsound > 0 {
		t.Error("the file suffered")
	}
}

func meet(t *testing.T, r *rig, random *rand.Rand) {
	n := random.IntN(50)
	url := fmt.Sprint(n)
	switch random.IntN(12) {
	case 0, 1, 2, 3:
		r.Put(record(url, n))
	case 4:
		r.Remove(url)
	case 5:
		scan, err := r.Scan(t.Context(), int64(n), 5)
		if err != nil {
			t.Error(err)
		}
		for _, s := range scan {
			r.drop(s.ID)
			r.Used(s.ID + 1)
		}
	case 6:
		r.Stats()
	default:
		expectSound(t, r, url, n)
	}
}

// TestOwnWritesAreSeen has each worker look for what it put or removed just
// before, while batches are committed.
func TestOwnWritesAreSeen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.run()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			url := fmt.Sprint("worker ", worker)
			for n := range 300 {
				r.Put(record(url, n))
				if heads, err := r.Heads(t.Context(), url); err != nil || len(heads) != 1 || heads[0].Generation != uint64(n) {
					t.Errorf("after put %d: %v, %v", n, heads, err)
				}
				if n%3 > 0 {
					continue
				}
				r.Remove(url)
				if heads, err := r.Heads(t.Context(), url); err != nil || len(heads) > 0 {
					t.Errorf("after removal %d: %v, %v", n, heads, err)
				}
			}
		})
	}
	all.Wait()
}
