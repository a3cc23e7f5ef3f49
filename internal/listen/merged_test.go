package listen

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
)

// fakeListener is a listener without a socket. Its Accept gives the errors sent
// to it.
type fakeListener struct {
	address string
	errs    chan error
	closed  chan struct{}
	ended   atomic.Bool // Accept has returned after Close
}

func (l *fakeListener) Accept() (net.Conn, error) {
	select {
	case err := <-l.errs:
		return nil, err
	case <-l.closed:
		l.ended.Store(true)
		return nil, net.ErrClosed
	}
}

func (l *fakeListener) Close() error {
	close(l.closed)
	return nil
}

func (l *fakeListener) Addr() net.Addr { return fakeAddr(l.address) }

type fakeAddr string

func (fakeAddr) Network() string  { return "tcp" }
func (a fakeAddr) String() string { return string(a) }

// fakeBinder answers each call with the next error of its address, and gives a
// listener where that is nil; port 0 becomes 5555.
type fakeBinder struct {
	errs   map[string][]error
	opened []*fakeListener
}

func (b *fakeBinder) bind(_ context.Context, _, address string) (net.Listener, error) {
	host, port, _ := net.SplitHostPort(address)
	if left := b.errs[host]; len(left) > 0 {
		b.errs[host] = left[1:]
		if left[0] != nil {
			return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", left[0])}
		}
	}
	if port == "0" {
		port = "5555"
	}
	l := &fakeListener{
		address: net.JoinHostPort(host, port),
		errs:    make(chan error),
		closed:  make(chan struct{}),
	}
	b.opened = append(b.opened, l)
	return l, nil
}

// stillOpen lists the listeners that nobody closed.
func (b *fakeBinder) stillOpen() []string {
	var addresses []string
	for _, l := range b.opened {
		select {
		case <-l.closed:
		default:
			addresses = append(addresses, l.address)
		}
	}
	return addresses
}

func repeat(err error, times int) []error {
	errs := make([]error, times)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func TestOpenLocalhost(t *testing.T) {
	t.Parallel()
	const v4, v6 = "127.0.0.1", "::1"
	for name, test := range map[string]struct {
		errs map[string][]error
		port string
		want []string
		err  error
	}{
		"both":              {nil, "4000", []string{"127.0.0.1:4000", "[::1]:4000"}, nil},
		"one port for both": {nil, "0", []string{"127.0.0.1:5555", "[::1]:5555"}, nil},
		"no IPv6 address":   {map[string][]error{v6: {syscall.EADDRNOTAVAIL}}, "0", []string{"127.0.0.1:5555"}, nil},
		"no IPv6 at all":    {map[string][]error{v6: {syscall.EAFNOSUPPORT}}, "0", []string{"127.0.0.1:5555"}, nil},
		"no IPv4":           {map[string][]error{v4: {syscall.EADDRNOTAVAIL}}, "0", []string{"[::1]:5555"}, nil},
		"neither": {
			map[string][]error{v4: {syscall.EADDRNOTAVAIL}, v6: {syscall.EADDRNOTAVAIL}}, "0", nil, syscall.EADDRNOTAVAIL,
		},
		"taken":          {map[string][]error{v6: {syscall.EADDRINUSE}}, "4000", nil, syscall.EADDRINUSE},
		"not allowed":    {map[string][]error{v6: {syscall.EACCES}}, "80", nil, syscall.EACCES},
		"taken at first": {map[string][]error{v6: {syscall.EADDRINUSE}}, "0", []string{"127.0.0.1:5555", "[::1]:5555"}, nil},
		"always taken":   {map[string][]error{v6: repeat(syscall.EADDRINUSE, samePortAttempts)}, "0", nil, syscall.EADDRINUSE},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &fakeBinder{errs: test.errs}
			l, err := openLocalhost(t.Context(), b.bind, test.port)
			if !errors.Is(err, test.err) {
				t.Fatalf("got error %v, want %v", err, test.err)
			}
			if got := b.stillOpen(); !slices.Equal(got, test.want) {
				t.Errorf("open are %v, want %v", got, test.want)
			}
			if err != nil {
				return
			}
			if got := l.Addr().String(); got != test.want[0] {
				t.Errorf("address %s, want %s", got, test.want[0])
			}
			if got := Addresses(l); !slices.Equal(got, test.want) {
				t.Errorf("addresses %v, want %v", got, test.want)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if got := b.stillOpen(); got != nil {
				t.Errorf("after Close %v are open", got)
			}
		})
	}
}

// TestAcceptPassesErrorsOn wants an error of either socket to reach Accept, and
// the socket to be used again afterwards: "too many open files" passes.
func TestAcceptPassesErrorsOn(t *testing.T) {
	t.Parallel()
	b := new(fakeBinder)
	l, err := openLocalhost(t.Context(), b.bind, "4000")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 2 {
		for _, socket := range b.opened {
			socket.errs <- syscall.EMFILE
			if _, err := l.Accept(); !errors.Is(err, syscall.EMFILE) {
				t.Errorf("%s: accept gave %v", socket.address, err)
			}
		}
	}
}

// TestCloseWaitsForItsGoroutines wants none of them to be busy with a socket
// once Close has returned.
func TestCloseWaitsForItsGoroutines(t *testing.T) {
	t.Parallel()
	for range 100 {
		b := new(fakeBinder)
		l, err := openLocalhost(t.Context(), b.bind, "4000")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for _, socket := range b.opened {
			if !socket.ended.Load() {
				t.Fatalf("%s is still accepting", socket.address)
			}
		}
	}
}
