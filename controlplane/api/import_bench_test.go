package api_test

import (
	"fmt"
	"net/netip"
	"testing"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// BenchmarkImport imports requests of a hundred bans over one stream, as many at a
// time as the server works at.
func BenchmarkImport(b *testing.B) {
	const window, bans = 64, 100
	stream, err := start(b).bans.ImportBans(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	places := make(chan struct{}, window)
	done := make(chan error, 1)
	go func() {
		var err error
		for range b.N {
			if _, err = stream.Recv(); err != nil {
				break
			}
			<-places
		}
		done <- err
	}()
	b.ResetTimer()
	for n := range b.N {
		places <- struct{}{}
		if err := stream.Send(importOf(n, bans)); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/bans, "ns/ban")
}

// importOf is the n-th request of an import.
func importOf(n, bans int) *ringcastv1.ImportBansRequest {
	request := &ringcastv1.ImportBansRequest{RequestId: fmt.Sprint("chunk-", n)}
	for i := range bans {
		at := uint32(n*bans + i)
		ip := netip.AddrFrom4([4]byte{20 + byte(at>>24), byte(at >> 16), byte(at >> 8), byte(at)})
		request.Bans = append(request.Bans, &ringcastv1.ImportBansRequest_BanEntry{Ip: ip.String(), Reason: "seen in attacks"})
	}
	return request
}
