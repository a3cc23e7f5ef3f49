package fleet

import (
	"strconv"
	"strings"

	"github.com/ringcast/ringcast/controlplane"
)

// Quorum says how many edges have to have something in force.
type Quorum struct {
	kind   quorumKind
	number int // of edges, or per cent
}

type quorumKind int

const (
	ofAll quorumKind = iota
	ofLive
	ofNumber
	ofPart
)

// ParseQuorum reads "all", "live", a number from 1, or a part such as "90%", from 1% to
// 100%. The empty text is "all". Errors are of kind Invalid.
func ParseQuorum(text string) (Quorum, error) {
	switch text {
	case "", "all":
		return Quorum{kind: ofAll}, nil
	case "live":
		return Quorum{kind: ofLive}, nil
	}
	kind, most := ofNumber, maxEdges
	digits, part := strings.CutSuffix(text, "%")
	if part {
		kind, most = ofPart, 100
	}
	number, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || number == 0 || number > uint64(most) {
		return Quorum{}, controlplane.Errorf(controlplane.Invalid, controlplane.ReasonInvalidQuorum,
			"quorum is %.32q; it is all, live, a number of edges from 1 to %d, or a part of them from 1%% to 100%%", text, maxEdges)
	}
	return Quorum{kind: kind, number: int(number)}, nil
}

// String gives the text that ParseQuorum reads.
func (q Quorum) String() string {
	switch q.kind {
	case ofLive:
		return "live"
	case ofNumber:
		return strconv.Itoa(q.number)
	case ofPart:
		return strconv.Itoa(q.number) + "%"
	default:
		return "all"
	}
}

// of gives how many of some edges it takes. A part is rounded up.
func (q Quorum) of(edges int) int {
	switch q.kind {
	case ofNumber:
		return q.number
	case ofPart:
		return (edges*q.number + 99) / 100
	default:
		return edges
	}
}
