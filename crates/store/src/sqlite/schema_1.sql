-- Never changed: what comes later is another file.
CREATE TABLE credential (
    id         TEXT    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('api_key', 'token')),
    label      TEXT    NOT NULL,
    owner_kind TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    client     TEXT,
    -- One space between two.
    scopes     TEXT    NOT NULL,
    tag_key    TEXT    NOT NULL,
    tag        BLOB    NOT NULL CHECK (length(tag) = 32),
    -- The secret before, until then.
    old_key    TEXT,
    old_tag    BLOB    CHECK (length(old_tag) = 32),
    old_until  INTEGER,
    -- Seconds since 1970-01-01T00:00:00Z.
    issued     INTEGER NOT NULL,
    expires    INTEGER,
    revoked    INTEGER,
    used       INTEGER,
    -- The number of the last change; a use is none.
    changed    INTEGER NOT NULL,
    CHECK ((old_key IS NULL) = (old_tag IS NULL) AND (old_key IS NULL) = (old_until IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX credential_changed ON credential (changed);
CREATE INDEX credential_owner ON credential (owner_kind, owner);

CREATE TABLE change (
    only     INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    sequence INTEGER NOT NULL
) STRICT;

INSERT INTO change (only, sequence) VALUES (1, 0);
