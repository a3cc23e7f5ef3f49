package controlplane_test

import (
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
)

func TestCoalesced(t *testing.T) {
	t.Parallel()
	const at = `,"timestamp":1800000000}`
	for name, row := range map[string]struct {
		of       controlplane.Coalesced
		repeated map[int]bool
		want     string
	}{
		"one alone": {
			controlplane.Coalesced{{Tags: []string{"b", "a"}}}, nil,
			`{"tags":["b","a"],"keys":[],"all":false,"soft":false` + at,
		},
		"in their order, repeats once": {
			controlplane.Coalesced{{Tags: []string{"b", "a"}}, {Keys: []string{"/k"}, Tags: []string{"c", "b"}}, {Keys: []string{"/k", "/j"}}}, nil,
			`{"tags":["b","a","c"],"keys":["/k","/j"],"all":false,"soft":false` + at,
		},
		"a prefix beside what it covers": {
			controlplane.Coalesced{{Tags: []string{"a:1"}}, {Tags: []string{"a:*"}}}, nil,
			`{"tags":["a:1","a:*"],"keys":[],"all":false,"soft":false` + at,
		},
		"a key beside a tag of the same text": {
			controlplane.Coalesced{{Tags: []string{"/a"}}, {Keys: []string{"/a"}}}, nil,
			`{"tags":["/a"],"keys":["/a"],"all":false,"soft":false` + at,
		},
		"soft and settle": {
			controlplane.Coalesced{{Tags: []string{"a"}, Soft: true, Settle: 90 * time.Second}, {Tags: []string{"b"}, Soft: true, Settle: 90 * time.Second}}, nil,
			`{"tags":["a","b"],"keys":[],"all":false,"soft":true,"settle":"1m30s"` + at,
		},
		"all takes in the rest": {
			controlplane.Coalesced{{Tags: []string{"a"}}, {All: true, Keys: []string{"/k"}}, {Tags: []string{"b"}}}, nil,
			`{"tags":[],"keys":[],"all":true,"soft":false` + at,
		},
		"repeats are left out": {
			controlplane.Coalesced{{All: true}, {Tags: []string{"a"}}, {Keys: []string{"/k"}}}, map[int]bool{0: true, 2: true},
			`{"tags":["a"],"keys":[],"all":false,"soft":false` + at,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newState()
			s.repeated = row.repeated
			for range 2 { // as a log may run it again
				expectData(t, s.apply(t, row.of.Decide), row.want)
			}
		})
	}
}
