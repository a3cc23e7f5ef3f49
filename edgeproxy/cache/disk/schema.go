package disk

// migrations bring the file to the present schema, for sqlitedb.
func migrations() []string { return []string{schema1} }

// schema1 keeps bodies apart from heads, so that a scan of the heads reads no
// bodies. URLs may be long: their index holds 64 bits of a hash instead.
//
// A new record always has a higher id than all before it and goes to the end of
// its tables, which fills their pages. Freed pages are used again, and so the file
// stays within 1.3 times the sizes added up even where uses are random. Larger
// pages than SQLite's 4 KiB were measured: they gain nothing for bodies of 1 MiB
// and cost small ones up to 70 %.
const schema1 = `
CREATE TABLE meta (
	id         INTEGER PRIMARY KEY CHECK (id = 1),
	instance   TEXT    NOT NULL,
	last       INTEGER NOT NULL, -- no id above it was given
	floor      INTEGER NOT NULL, -- records with a lower id are void
	generation INTEGER NOT NULL, -- the highest ever stored
	entries    INTEGER NOT NULL, -- void ones included
	bytes      INTEGER NOT NULL, -- their sizes added up
	sum        INTEGER NOT NULL
) STRICT;

-- size: what it takes in all. soft_at: Unix milliseconds, 0 none. used: Unix
-- seconds, coarsely. body_sum is of the body, sum of all else that is served.
CREATE TABLE heads (
	id         INTEGER PRIMARY KEY,
	hash       INTEGER NOT NULL,
	used       INTEGER NOT NULL,
	size       INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	soft_at    INTEGER NOT NULL,
	body_size  INTEGER NOT NULL,
	body_sum   INTEGER NOT NULL,
	sum        INTEGER NOT NULL,
	url        TEXT    NOT NULL,
	variant    TEXT    NOT NULL,
	head       BLOB    NOT NULL
) STRICT;
CREATE INDEX heads_by_hash ON heads (hash);
CREATE INDEX heads_by_use ON heads (used);

-- Empty bodies have no row.
CREATE TABLE bodies (
	id   INTEGER PRIMARY KEY,
	body BLOB NOT NULL
) STRICT;
`
