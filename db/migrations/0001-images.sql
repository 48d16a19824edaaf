-- Pictures and what was found in them. Rows are written by the worker alone, in one statement, so that the
-- statement passes through Aurora's write forwarding: no trigger, function, sequence or extension here.
-- Ids are UUIDv7 made by the application: descending ids are newest first.

CREATE TABLE images (
  id             uuid        NOT NULL,
  owner          text        NOT NULL,
  -- Where the picture lies: media/<region>/<id> in that region's bucket.
  object_key     text        NOT NULL,
  content_type   text        NOT NULL,
  size_bytes     integer     NOT NULL,
  status         text        NOT NULL CHECK (status IN ('classified', 'rejected')),
  -- [{"name": "cat", "score": 97.1}, ...], the most certain first.
  labels         jsonb       NOT NULL DEFAULT '[]',
  reason         text,
  submitted_at   timestamptz NOT NULL,
  -- Compared as text when two results are of the same job; the greater one is the newer.
  model_version  text        COLLATE "C" NOT NULL,
  classified_at  timestamptz NOT NULL,
  PRIMARY KEY (owner, id)
) PARTITION BY HASH (owner);

CREATE TABLE images_0 PARTITION OF images FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE images_1 PARTITION OF images FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE images_2 PARTITION OF images FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE images_3 PARTITION OF images FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- One picture by its id alone, and the newest of all owners: one ordered scan per partition, merged.
CREATE INDEX images_id ON images (id DESC);

-- Pictures with a label: labels @> '[{"name": "cat"}]'.
CREATE INDEX images_labels ON images USING gin (labels jsonb_path_ops);
