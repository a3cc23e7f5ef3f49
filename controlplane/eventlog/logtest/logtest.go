// Package logtest is the suite that every implementation of eventlog.Log must
// pass: its contract, point by point, and a property that compares a log with a
// model which never forgets.
//
// What only a killed process can show, that an acknowledged append is durable,
// is not in it.
package logtest

import (
	"io"
	"testing"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/controlplane/eventlog"
)

// Log is an open log. All that it started has ended when Close returns; closing
// it again does nothing.
type Log interface {
	eventlog.Log
	io.Closer
}

// Options is what the suite asks of a log.
type Options struct {
	// Dir is a directory of the log's own, empty at first. It stands for the
	// log's identity: the same Dir opens the same log, another a new one.
	Dir string
	// Retention is for the log to complete with its defaults.
	Retention eventlog.Retention
	// Now is the clock, which may be read from any goroutine.
	Now func() time.Time
	// Committed is to be called with units that have become durable, in order
	// and each once, before their Append returns. It does not call the log.
	Committed func([]controlplane.Unit)
}

// Opener opens a log that is ready for use. The suite closes it before it opens
// one with the same Dir again.
type Opener func(Options) (Log, error)

// Run runs the suite, its checks in parallel and each with logs of its own.
func Run(t *testing.T, open Opener) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open)
		})
	}
}

type check struct {
	name string
	run  func(tb, Opener)
}

func checks() []check {
	return []check{
		{"a new log", newLog},
		{"a closed log", closedLog},
		{"a caller that has gone", goneCaller},
		{"whole units", wholeUnits},
		{"units of a wrong size", wrongSizes},
		{"pages", pages},
		{"large events", largeEvents},
		{"concurrent appends", concurrentAppends},

		{"the state at a decision", decisionState},
		{"what a decision can look for", knownAtDecision},
		{"concurrent decisions", concurrentDecisions},
		{"refusals", refusals},
		{"a decision's events stay its own", decisionOwnsEvents},

		{"repeated requests", repeatedRequests},
		{"reused request ids", reusedIDs},
		{"concurrent repeats", concurrentRepeats},
		{"several requests", severalRequests},
		{"repeats at a decision", repeatsAtDecision},
		{"forgotten requests", forgottenRequests},

		{"superseded events", superseded},
		{"events of several entities", severalEntities},
		{"absences", absences},
		{"old moments", oldMoments},
		{"excess moments", excessMoments},
		{"an emptied log", emptiedLog},
		{"reads during a compaction", readsDuringCompaction},

		{"latest events", latestEvents},
		{"lists", lists},
		{"prefixes", prefixes},

		{"the audit equals the log", auditEqualsLog},
		{"large records of the audit", largeRecords},

		{"model", againstModel},
	}
}
