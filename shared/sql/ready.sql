-- Makes a document searchable, if this lease is the newest: raises the corpus version, and clears what an earlier version
-- of the object left. Its new pages, postings and chunks follow in the same transaction.
WITH finished AS (
    UPDATE documents
       SET status = 'ready', pages = $4, chunks = $5, size_bytes = $6, sha256 = $7, ready_at = now(), lease_until = NULL
     WHERE id = $1 AND workspace_id = $2 AND generation = $3 AND status = 'processing'
    RETURNING id
),
counted AS (
    UPDATE workspaces SET corpus_version = corpus_version + 1,
           chunks = chunks + $5 - (SELECT count(*) FROM document_chunks WHERE document_id = $1 AND workspace_id = $2)
     WHERE id = $2 AND EXISTS (SELECT FROM finished)
),
old_pages AS (DELETE FROM pages WHERE document_id IN (SELECT id FROM finished)),
old_postings AS (DELETE FROM postings WHERE document_id IN (SELECT id FROM finished)),
old_chunks AS (DELETE FROM document_chunks WHERE document_id IN (SELECT id FROM finished))
SELECT id FROM finished
