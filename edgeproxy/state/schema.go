package state

// migrations bring the file to the present schema, for sqlitedb. All tables of
// the file are here, whichever part uses them, so that the file has one version.
func migrations() []string { return []string{schema1, schema2, schema3} }

// schema1 has the tables of deny twice: one slot is in force, and a reset fills
// the other. The views show the slot in force, also to a person with sqlite3.
const schema1 = `
-- epoch is empty until the first reset was completed. vouched is when the log was
-- last known to have had nothing new.
CREATE TABLE meta (
	id       INTEGER PRIMARY KEY CHECK (id = 1),
	instance TEXT    NOT NULL,
	epoch    TEXT    NOT NULL,
	position INTEGER NOT NULL CHECK (position >= 0),
	vouched  INTEGER NOT NULL -- Unix seconds; 0: never
) STRICT;

CREATE TABLE deny_slot (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	active INTEGER NOT NULL CHECK (active IN (0, 1))
) STRICT;
INSERT INTO deny_slot (id, active) VALUES (1, 0);

-- origin: 0 the log's ban by an operator, 1 the log's automatic one, 2 this
-- edge's own. expires_at: Unix seconds, 0 none.
CREATE TABLE bans_0 (
	prefix     TEXT    NOT NULL,
	origin     INTEGER NOT NULL CHECK (origin IN (0, 1, 2)),
	reason     TEXT    NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (prefix, origin)
) STRICT, WITHOUT ROWID;
CREATE TABLE bans_1 (
	prefix     TEXT    NOT NULL,
	origin     INTEGER NOT NULL CHECK (origin IN (0, 1, 2)),
	reason     TEXT    NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (prefix, origin)
) STRICT, WITHOUT ROWID;
CREATE VIEW bans (prefix, origin, reason, expires_at) AS
	SELECT prefix, origin, reason, expires_at FROM bans_0 WHERE (SELECT active FROM deny_slot) = 0
	UNION ALL
	SELECT prefix, origin, reason, expires_at FROM bans_1 WHERE (SELECT active FROM deny_slot) = 1;

-- issued_before: Unix seconds, for kind 'subject' only; 0: every token.
CREATE TABLE revocations_0 (
	kind          TEXT    NOT NULL CHECK (kind IN ('hash', 'jti', 'subject')),
	name          TEXT    NOT NULL,
	reason        TEXT    NOT NULL,
	expires_at    INTEGER NOT NULL,
	issued_before INTEGER NOT NULL,
	PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE revocations_1 (
	kind          TEXT    NOT NULL CHECK (kind IN ('hash', 'jti', 'subject')),
	name          TEXT    NOT NULL,
	reason        TEXT    NOT NULL,
	expires_at    INTEGER NOT NULL,
	issued_before INTEGER NOT NULL,
	PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE VIEW revocations (kind, name, reason, expires_at, issued_before) AS
	SELECT kind, name, reason, expires_at, issued_before FROM revocations_0 WHERE (SELECT active FROM deny_slot) = 0
	UNION ALL
	SELECT kind, name, reason, expires_at, issued_before FROM revocations_1 WHERE (SELECT active FROM deny_slot) = 1;

CREATE TABLE generation (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	value INTEGER NOT NULL
) STRICT;

-- Of a selector: the generation of its last hard and of its last soft fence.
-- soft_at, when the earliest soft one since the last hard one came, and
-- settle_until: Unix milliseconds, 0 none.
CREATE TABLE fences (
	kind            TEXT    NOT NULL CHECK (kind IN ('all', 'tag', 'tag_prefix', 'key', 'key_prefix')),
	selector        TEXT    NOT NULL,
	generation      INTEGER NOT NULL,
	soft_generation INTEGER NOT NULL,
	soft_at         INTEGER NOT NULL,
	settle_until    INTEGER NOT NULL,
	PRIMARY KEY (kind, selector)
) STRICT, WITHOUT ROWID;
`

// schema2 adds the allow entries. A version that did not know them may have passed
// some over, so the log is asked for everything again; until it answers, the bans
// and revocations at hand stay in force.
const schema2 = `
-- expires_at: Unix seconds, 0 none.
CREATE TABLE allows_0 (
	prefix     TEXT    NOT NULL PRIMARY KEY,
	reason     TEXT    NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE allows_1 (
	prefix     TEXT    NOT NULL PRIMARY KEY,
	reason     TEXT    NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE VIEW allows (prefix, reason, expires_at) AS
	SELECT prefix, reason, expires_at FROM allows_0 WHERE (SELECT active FROM deny_slot) = 0
	UNION ALL
	SELECT prefix, reason, expires_at FROM allows_1 WHERE (SELECT active FROM deny_slot) = 1;

UPDATE meta SET position = 0;
`

// schema3 tells how old an edge's own ban is, so that an unban from before it, which
// comes late, leaves it. Of those that are there already that is not known: any unban
// lifts them.
const schema3 = `
-- made_at: Unix seconds, of origin 2 alone; 0 not known.
ALTER TABLE bans_0 ADD COLUMN made_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bans_1 ADD COLUMN made_at INTEGER NOT NULL DEFAULT 0;
`
