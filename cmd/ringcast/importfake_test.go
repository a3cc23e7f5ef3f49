package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// importFake is a control plane that takes imports as the real one does: it
// remembers requests, and refuses some addresses.
type importFake struct {
	fake
	refused map[string]string // address to reason

	mu       sync.Mutex // guards what follows
	position uint64
	repeats  map[string]uint64 // request id to position
	state    map[string]string // address to reason, with a mark for edges' own
	writes   map[string]int
	requests int
	// lose is the chance that a connection is lost at a request, before or after
	// it is durable.
	lose float64
	rand *rand.Rand
	// loseAt is the request, counted from 1, after which the connection is lost once
	// it is durable.
	loseAt int
}

func newImportFake(refused map[string]string) *importFake {
	return &importFake{
		refused: refused, repeats: make(map[string]uint64), state: make(map[string]string), writes: make(map[string]int),
		rand: rand.New(rand.NewPCG(1, 2)),
	}
}

func (f *importFake) start(t testing.TB) string {
	t.Helper()
	f.fake.imports = f.importBans
	return f.fake.start(t)
}

func (f *importFake) importBans(stream importServer) error {
	for {
		request, err := stream.Recv()
		if err != nil {
			return nil // the caller is done, or gone
		}
		answer := f.answer(request)
		if answer == nil {
			return status.Error(codes.Unavailable, "the process is gone")
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// answer is nil where the connection is lost.
func (f *importFake) answer(r *ringcastv1.ImportBansRequest) *ringcastv1.ImportBansResponse {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if f.rand.Float64() < f.lose/2 {
		return nil
	}
	answer := f.decide(r)
	if f.requests == f.loseAt {
		return nil
	}
	if f.rand.Float64() < f.lose/2 {
		return nil
	}
	return answer
}

func (f *importFake) decide(r *ringcastv1.ImportBansRequest) *ringcastv1.ImportBansResponse {
	if position, found := f.repeats[r.GetRequestId()]; found {
		return &ringcastv1.ImportBansResponse{Position: position, Epoch: "7f3a9c", Repeat: true}
	}
	answer := new(ringcastv1.ImportBansResponse)
	for index, entry := range r.GetBans() {
		if reason, refused := f.refused[entry.GetIp()]; refused && !r.GetOverride() {
			answer.Refused = append(answer.Refused, &ringcastv1.ImportBansResponse_Refusal{
				Index: uint32(index), Reason: reason, Message: entry.GetIp() + " is refused",
			})
		}
	}
	if len(answer.GetRefused()) > 0 {
		return answer
	}
	for _, entry := range r.GetBans() {
		key := entry.GetIp()
		if entry.GetAutomatic() {
			key += " by an edge"
		}
		f.state[key] = entry.GetReason() + " " + entry.GetTtl().AsDuration().String()
		f.writes[key]++
		f.position++
	}
	f.repeats[r.GetRequestId()] = f.position
	f.took(proto.Clone(r))
	return &ringcastv1.ImportBansResponse{Position: f.position, Epoch: "7f3a9c"}
}

// lift unbans an address, and lets nothing be refused any more.
func (f *importFake) lift(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.state, address)
	clear(f.refused)
}

// banned is what is in force, and how many writes it took.
func (f *importFake) banned() (state map[string]string, writes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.writes {
		writes += n
	}
	return maps.Clone(f.state), writes
}

// taken are the requests that were written.
func (f *importFake) taken() []proto.Message {
	f.fake.mu.Lock()
	defer f.fake.mu.Unlock()
	return slices.Clone(f.fake.requests)
}
