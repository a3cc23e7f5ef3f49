package archtest

// A rule forbids imports. Packages are written as the go command does it: ours
// relative to the module ("./internal/sse"), others in full ("net/http"), and
// "/..." at the end takes in everything below.
type rule struct {
	why    string   // printed with each violation
	from   []string // whom the rule binds …
	unless []string // … except for these
	to     []string // what they must not import …
	allow  []edge   // … except for these edges
	deep   bool     // also by way of other packages of ours
	tests  bool     // also in _test.go files
}

// An edge is an import; both ends may be patterns.
type edge struct{ from, to string }

func rules() []rule {
	return []rule{
		{
			why: "the planes are deployed apart and meet only in internal/wire and gen: " +
				"an import would tie an edge's release to the control plane's",
			from:  []string{"./controlplane/..."},
			to:    []string{"./edgeproxy/..."},
			deep:  true,
			tests: true,
		},
		{
			why: "the planes are deployed apart and meet only in internal/wire and gen: " +
				"an edge must not need the control plane's code to enforce what it knows",
			from:  []string{"./edgeproxy/..."},
			to:    []string{"./controlplane/..."},
			deep:  true,
			tests: true,
		},
		{
			why:    "imports point down: cmd is the top, and what it has cannot be reused from below",
			from:   []string{"./..."},
			unless: []string{"./cmd/..."},
			to:     []string{"./cmd/..."},
			tests:  true,
		},
		{
			why: "both planes stand on internal, so a package of either in it would close a circle",
			from: []string{
				"./internal/...",
			},
			to:   []string{"./controlplane/...", "./edgeproxy/...", "./e2e/..."},
			deep: true,
		},
		{
			why: "it is a tool that knows nothing of the product, so that it can be read, tested " +
				"and fuzzed by itself; what the product means by it belongs to the caller",
			from: []string{
				"./internal/config",
				"./internal/listen",
				"./internal/sqlitedb",
				"./internal/sse",
			},
			to: []string{"./..."},
		},
		{
			why: "the root of a plane is its vocabulary: pure types and decisions, which every " +
				"package below may import without taking in a technology",
			from: []string{"./controlplane", "./edgeproxy"},
			to:   []string{"database/sql", "net/http", "os"},
			deep: true,
		},
		{
			why: "packages of a plane do not know one another, server wires them; " +
				"an edge that the design needs goes in this rule's list",
			from:   []string{"./controlplane/..."},
			unless: []string{"./controlplane/server/..."},
			to:     []string{"./controlplane/..."},
			allow: []edge{
				{"./controlplane/...", "./controlplane"},
				// The log is an interface; its implementations and their
				// conformance suite are inside.
				{"./controlplane/eventlog/...", "./controlplane/eventlog"},
				// Several invalidations become one Append.
				{"./controlplane/coalesce", "./controlplane/eventlog"},
				// A mutation is an Append and a list is a read of the log.
				{"./controlplane/api", "./controlplane/eventlog"},
				// A resume reads the log up to where the ring begins.
				{"./controlplane/stream", "./controlplane/eventlog"},
				{"./controlplane/stream", "./controlplane/ring"},
				// A subscriber's filter is part of its request.
				{"./controlplane/stream", "./controlplane/filter"},
				// Who belongs to the fleet is state of the log, and the API answers from it.
				{"./controlplane/fleet", "./controlplane/eventlog"},
				{"./controlplane/api", "./controlplane/fleet"},
			},
		},
		{
			why: "packages of a plane do not know one another, server wires them and keeps the " +
				"order of a request; an edge that the design needs goes in this rule's list",
			from:   []string{"./edgeproxy/..."},
			unless: []string{"./edgeproxy/server/..."},
			to:     []string{"./edgeproxy/..."},
			allow: []edge{
				{"./edgeproxy/...", "./edgeproxy"},
				// The proxy is the HTTP side of the cache.
				{"./edgeproxy/upstream", "./edgeproxy/cache"},
				{"./edgeproxy/upstream", "./edgeproxy/cache/httpfield"},
				// The origin is told who the client is, which the gates have found out.
				{"./edgeproxy/upstream", "./edgeproxy/client"},
				// The proxy's way to an origin without TLS, which knows nothing of it.
				{"./edgeproxy/upstream", "./edgeproxy/upstream/origin"},
				// The cache's parts, which do not know it or one another.
				{"./edgeproxy/cache", "./edgeproxy/cache/..."},
			},
		},
		{
			why: "controlplane/api is the only mapping between messages and domain: a message " +
				"anywhere else makes the wire format the data model",
			from:   []string{"./..."},
			unless: []string{"./controlplane/api", "./cmd/...", "./e2e/...", "./gen/..."},
			to:     []string{"./gen/...", "github.com/grpc-ecosystem/grpc-gateway/..."},
		},
		{
			why: "the cache's core decides on plain values, so that a lane without net/http can " +
				"serve from it and its rules are tested without a server",
			from: []string{"./edgeproxy/cache"},
			to:   []string{"net/http"},
			deep: true,
		},
		{
			why: "internal/sqlitedb alone sets pragmas, retries and codes of the driver; whoever " +
				"goes around it loses the durability that it promises",
			from: []string{"./..."},
			// e2e looks into the files of running processes from outside.
			unless: []string{"./internal/sqlitedb/...", "./e2e/..."},
			to:     []string{"github.com/mattn/go-sqlite3"},
			tests:  true,
		},
	}
}
