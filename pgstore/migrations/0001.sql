-- The records of package submit: one table, one record a row.

CREATE SEQUENCE {revisions};

CREATE TABLE {table} (
	kind     smallint    NOT NULL,               -- 1 is a job, 2 a lease
	key      text        COLLATE "C" NOT NULL,
	revision bigint      NOT NULL,               -- from the sequence, anew at each change
	done     boolean     NOT NULL,               -- a job that has an outcome
	fresh    boolean     NOT NULL,               -- recorded by a transaction, and held by nobody yet
	keep     bigint      NOT NULL,               -- nanoseconds that a done record is kept; 0 is for ever
	changed  timestamptz NOT NULL,               -- by the clock of the server
	forget   timestamptz,                        -- when a done record may go; null is never
	label    text        COLLATE "C" NOT NULL,   -- how far a job is, or its outcome
	value    bytea       NOT NULL,
	PRIMARY KEY (kind, key)
) WITH (
	fillfactor = 70,                             -- so that most changes of a job need no index
	autovacuum_vacuum_scale_factor = 0.01,
	autovacuum_vacuum_threshold = 1000,
	autovacuum_analyze_scale_factor = 0.02
);

ALTER SEQUENCE {revisions} OWNED BY {table}.revision;

-- The first three do not grow with the records that are done. The others are of those
-- alone: to list them, and to delete them.
CREATE INDEX {pending} ON {table} (kind, key) WHERE NOT done;
CREATE INDEX {states} ON {table} (kind, label, revision) WHERE NOT done;
CREATE INDEX {fresh} ON {table} (key) WHERE fresh;
CREATE INDEX {ended} ON {table} (kind, revision) WHERE done;
CREATE INDEX {labels} ON {table} (kind, label, revision) WHERE done;
CREATE INDEX {forget} ON {table} (forget) WHERE done AND forget IS NOT NULL;
