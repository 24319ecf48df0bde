-- Documents and what they become: pages, chunks with their vectors, postings.

CREATE TABLE documents (
    id                uuid PRIMARY KEY,
    workspace_id      uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    owner_id          text NOT NULL,
    -- Gives each document a block of chunk ids of its own: number × 2^20 + ordinal.
    number            bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    title             text NOT NULL,
    filename          text NOT NULL,
    standard          text CHECK (standard IN ('ASTM', 'NACE', 'API', 'ASME')),
    effective_date    date,
    status            text NOT NULL DEFAULT 'awaiting_upload'
                      CHECK (status IN ('awaiting_upload', 'processing', 'ready', 'failed', 'duplicate')),
    failure_code      text,
    failure_detail    text,
    duplicate_of      uuid,
    size_bytes        bigint NOT NULL,
    sha256            bytea CHECK (length(sha256) = 32),
    pages             integer,
    chunks            integer,
    object_key        text NOT NULL UNIQUE,
    -- S3's order of events for the key, right-padded with zeros, so that text order is event order.
    object_sequencer  text COLLATE "C",
    object_etag       text,
    -- Raised by each lease: work of an older generation cannot finish.
    generation        bigint NOT NULL DEFAULT 0,
    lease_until       timestamptz,
    attempts          integer NOT NULL DEFAULT 0,
    -- When the claim loop looks at it next.
    check_after       timestamptz NOT NULL DEFAULT now(),
    created_at        timestamptz NOT NULL DEFAULT now(),
    ready_at          timestamptz,
    CHECK ((status = 'failed') = (failure_code IS NOT NULL))
);
CALL guard_table('documents', 'workspace_id', false);
GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO footnote_app, footnote_jobs;
CREATE INDEX documents_workspace_idx ON documents (workspace_id, id DESC);
CREATE INDEX documents_standard_date_idx ON documents (standard, effective_date DESC);
CREATE INDEX documents_due_idx ON documents (check_after) WHERE status IN ('awaiting_upload', 'processing');
-- The same bytes are searchable once per workspace.
CREATE UNIQUE INDEX documents_content_idx ON documents (workspace_id, sha256) WHERE status = 'ready';
CREATE INDEX documents_duplicate_idx ON documents (duplicate_of) WHERE duplicate_of IS NOT NULL;

CREATE TABLE pages (
    document_id  uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    number       integer NOT NULL CHECK (number > 0),
    workspace_id uuid NOT NULL,
    -- Code points from the start of the document's text, which is its pages joined by one line feed.
    start_offset integer NOT NULL,
    end_offset   integer NOT NULL,
    text         text NOT NULL,
    sha256       bytea NOT NULL,
    -- Page size and word boxes, when the reader knew them.
    layout       jsonb,
    PRIMARY KEY (document_id, number)
);
CALL guard_table('pages', 'workspace_id', false);
GRANT SELECT ON pages TO footnote_app;
GRANT SELECT, INSERT, DELETE ON pages TO footnote_jobs;

CREATE TABLE document_chunks (
    id           bigint PRIMARY KEY,
    workspace_id uuid NOT NULL,
    document_id  uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal      integer NOT NULL,
    start_offset integer NOT NULL,
    end_offset   integer NOT NULL,
    content      text NOT NULL,
    embedding    halfvec(384) NOT NULL
) WITH (toast_tuple_target = 128);
-- Searched rows stay small: the vector is kept in the row, the words beside it, out of the way of a scan.
ALTER TABLE document_chunks ALTER COLUMN embedding SET STORAGE PLAIN;
CALL guard_table('document_chunks', 'workspace_id', false);
GRANT SELECT ON document_chunks TO footnote_app;
GRANT SELECT, INSERT, DELETE ON document_chunks TO footnote_jobs;
CREATE INDEX document_chunks_workspace_idx ON document_chunks (workspace_id);
CREATE INDEX document_chunks_document_idx ON document_chunks (document_id);
CREATE INDEX document_chunks_embedding_idx ON document_chunks
    USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 64);

-- The full-text index. Equality of uuid and bigint is leakproof, so that this index serves under row-level security,
-- which a GIN index over tsvector does not.
CREATE TABLE postings (
    workspace_id uuid NOT NULL,
    term_hash    bigint NOT NULL,
    document_id  uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    chunk_ids    bigint[] NOT NULL,
    -- BM25's saturated, length-normalised term frequency of the term in each of the chunks.
    weights      real[] NOT NULL
);
CALL guard_table('postings', 'workspace_id', false);
GRANT SELECT ON postings TO footnote_app;
GRANT SELECT, INSERT, DELETE ON postings TO footnote_jobs;
CREATE INDEX postings_term_idx ON postings (workspace_id, term_hash);
CREATE INDEX postings_document_idx ON postings (document_id);

-- Vectors by what they are of, so that a retry buys nothing twice.
CREATE TABLE embedding_cache (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    model        text NOT NULL,
    content_hash bytea NOT NULL,
    embedding    halfvec(384) NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, model, content_hash)
);
CALL guard_table('embedding_cache', 'workspace_id', false);
GRANT SELECT, INSERT, DELETE ON embedding_cache TO footnote_jobs;

-- Tombstones: what was deleted stays deleted, whatever event comes late.
CREATE TABLE erasures (
    workspace_id uuid NOT NULL,
    document_id  uuid NOT NULL,
    erased_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id)
);
CALL guard_table('erasures', 'workspace_id', false);
GRANT SELECT, INSERT ON erasures TO footnote_app, footnote_jobs;

-- Deleting a document: its rows go, what is searchable changes, and copies of the same bytes get their turn.
CREATE FUNCTION after_document_delete() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'ready' THEN
        UPDATE workspaces SET corpus_version = corpus_version + 1, chunks = chunks - OLD.chunks WHERE id = OLD.workspace_id;
        UPDATE documents SET status = 'processing', duplicate_of = NULL, check_after = now()
         WHERE workspace_id = OLD.workspace_id AND duplicate_of = OLD.id AND status = 'duplicate';
    END IF;
    INSERT INTO erasures (workspace_id, document_id) VALUES (OLD.workspace_id, OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER document_deleted AFTER DELETE ON documents FOR EACH ROW EXECUTE FUNCTION after_document_delete();
