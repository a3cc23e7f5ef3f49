package sqlite

// The kinds of events, as the events table stores them.
const (
	kindPresent   = 0 // a state event
	kindTombstone = 1 // a state event that says its entities are absent
	kindMoment    = 2 // a moment event
)

// migrations make the schema; the file's user_version counts those applied.
// Never edit one that was released: append another.
var migrations = []string{`
-- The one row of the log's identity and extent. The position is stored and
-- never derived from the events: compaction may drop the last of them.
CREATE TABLE head (
	id             INTEGER PRIMARY KEY CHECK (id = 1),
	epoch          TEXT    NOT NULL,
	position       INTEGER NOT NULL,
	horizon        INTEGER NOT NULL,
	moment_horizon INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
	position    INTEGER PRIMARY KEY,
	unit        INTEGER NOT NULL, -- position of the last event of its unit
	kind        INTEGER NOT NULL,
	audience    INTEGER NOT NULL,
	type        TEXT    NOT NULL,
	time        INTEGER NOT NULL, -- Unix seconds, as all times
	expires_at  INTEGER NOT NULL, -- 0: never
	stale_since INTEGER,          -- since when its absence is all it tells; NULL: not a tombstone and never one
	refs        INTEGER NOT NULL, -- entities whose latest event it is
	entities    TEXT    NOT NULL, -- separated by line feeds
	data        BLOB    NOT NULL
) STRICT;
CREATE INDEX events_stale ON events (stale_since) WHERE stale_since IS NOT NULL;
CREATE INDEX events_moment ON events (position) WHERE kind = 2;

-- The latest event of each entity.
CREATE TABLE entities (
	entity   TEXT    PRIMARY KEY,
	position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
	principal TEXT    NOT NULL,
	id        TEXT    NOT NULL,
	digest    BLOB    NOT NULL,
	position  INTEGER NOT NULL,
	time      INTEGER NOT NULL,
	PRIMARY KEY (principal, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_time ON requests (time);

CREATE TABLE audit (
	id         INTEGER PRIMARY KEY,
	position   INTEGER NOT NULL,
	time       INTEGER NOT NULL,
	principal  TEXT    NOT NULL,
	address    TEXT    NOT NULL,
	rpc        TEXT    NOT NULL,
	request_id TEXT    NOT NULL,
	detail     TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_time ON audit (time);
`, `
-- Each also orders by id within a second, as every index ends with the rowid.
CREATE INDEX audit_principal ON audit (principal, time);
CREATE INDEX audit_address ON audit (address, time);
CREATE INDEX audit_rpc ON audit (rpc, time);
CREATE INDEX audit_request ON audit (request_id, time) WHERE request_id <> '';
`, `
-- That of a published event; others have none.
ALTER TABLE events ADD COLUMN channel TEXT NOT NULL DEFAULT '';
`}
