package api_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

// TestPagesShowEachBanOnce walks the list with every page size.
func TestPagesShowEachBanOnce(t *testing.T) {
	t.Parallel()
	e := start(t)
	const bans = 7
	var want []string
	for i := range bans {
		ip := fmt.Sprintf("10.0.0.%d", i)
		want = append(want, ip)
		if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: ip}); err != nil {
			t.Fatal(err)
		}
	}
	for size := range int32(bans + 2) {
		var got []string
		pages := 0
		for token, more := "", true; more; more = token != "" {
			page, err := e.bans.ListBans(t.Context(), &ringcastv1.ListBansRequest{PageSize: size, PageToken: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, ban := range page.GetBans() {
				got = append(got, ban.GetIp())
			}
			token = page.GetNextPageToken()
			pages++
		}
		wantPages := 1
		if size > 0 {
			wantPages = (bans + int(size) - 1) / int(size)
		}
		if !slices.Equal(got, want) || pages != wantPages {
			t.Errorf("page size %d: %v on %d pages, want %v on %d", size, got, pages, want, wantPages)
		}
	}
}

func TestPageTokenIsOfItsListAlone(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, ip := range []string{"1.2.3.4", "1.2.3.5"} {
		if _, err := e.bans.BanIP(t.Context(), &ringcastv1.BanIPRequest{Ip: ip}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := e.bans.ListBans(t.Context(), &ringcastv1.ListBansRequest{PageSize: 1})
	if err != nil || page.GetNextPageToken() == "" {
		t.Fatalf("first page: %v, %v", page, err)
	}
	refused := func(how string, err error) {
		t.Helper()
		if status.Code(err) != codes.InvalidArgument || reasonOf(err) != "INVALID_PAGE_TOKEN" {
			t.Errorf("%s: %v", how, err)
		}
	}
	_, err = e.tokens.ListRevocations(t.Context(), &ringcastv1.ListRevocationsRequest{PageToken: page.GetNextPageToken()})
	refused("another list", err)
	_, err = start(t).bans.ListBans(t.Context(), &ringcastv1.ListBansRequest{PageToken: page.GetNextPageToken()})
	refused("another log", err)
	for i := range page.GetNextPageToken() {
		garbled := []byte(page.GetNextPageToken())
		garbled[i] = 'A' + (garbled[i]+1)%26
		if string(garbled) == page.GetNextPageToken() {
			continue
		}
		_, err := e.bans.ListBans(t.Context(), &ringcastv1.ListBansRequest{PageToken: string(garbled)})
		refused(fmt.Sprintf("letter %d changed", i), err)
		_, err = e.bans.ListBans(t.Context(), &ringcastv1.ListBansRequest{PageToken: page.GetNextPageToken()[:max(i, 1)]})
		refused(fmt.Sprintf("cut at %d", i), err)
	}
}
