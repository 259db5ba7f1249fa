-- Never changed: what comes later is another file.
CREATE TABLE relation_tuple (
    -- type:id
    object   TEXT NOT NULL,
    relation TEXT NOT NULL,
    -- type:id, type:id#relation or type:*
    subject  TEXT NOT NULL,
    origin   TEXT NOT NULL CHECK (origin IN ('written', 'learnt')),
    PRIMARY KEY (object, relation, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX relation_tuple_subject ON relation_tuple (subject);

-- The last changes, in their order.
CREATE TABLE relation_change (
    number   INTEGER NOT NULL PRIMARY KEY,
    -- The number of the batch.
    batch    INTEGER NOT NULL,
    present  INTEGER NOT NULL CHECK (present IN (0, 1)),
    object   TEXT    NOT NULL,
    relation TEXT    NOT NULL,
    subject  TEXT    NOT NULL
) STRICT;

CREATE INDEX relation_change_batch ON relation_change (batch);

CREATE TABLE relation_state (
    only      INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    -- The number of the last batch.
    batch     INTEGER NOT NULL,
    -- The number of the last change.
    number    INTEGER NOT NULL,
    -- The number of the last batch of which something is forgotten.
    forgotten INTEGER NOT NULL,
    -- How many there are: counting them takes a while.
    tuples    INTEGER NOT NULL
) STRICT;

INSERT INTO relation_state (only, batch, number, forgotten, tuples) VALUES (1, 0, 0, 0, 0);
