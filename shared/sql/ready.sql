-- Makes a document searchable, if this lease is the newest, and raises the corpus version. Its pages, postings and chunks
-- follow in the same transaction; there are none of an earlier version of the object, which went with the lease.
WITH finished AS (
    UPDATE documents
       SET status = 'ready', pages = $4, chunks = $5, size_bytes = $6, sha256 = $7, ready_at = now(), lease_until = NULL,
           attempts = 0, language = $8, analyser = $9, embedding_model = $10,
           hidden_characters = $11
     WHERE id = $1 AND workspace_id = $2 AND generation = $3 AND status = 'processing'
    RETURNING id
),
counted AS (
    UPDATE workspaces
       SET corpus_version = corpus_version + 1, chunks = chunks + $5,
           languages = CASE WHEN $8 = 'en' OR $8 = ANY (languages) THEN languages ELSE languages || $8 END
     WHERE id = $2 AND EXISTS (SELECT FROM finished)
)
SELECT id FROM finished
