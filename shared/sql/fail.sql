-- Ends a document as unreadable. What it was before (an earlier version of the object may have been searchable) goes.
WITH failed AS (
    UPDATE documents
       SET status = 'failed', failure_code = $4, failure_detail = $5, size_bytes = $6, lease_until = NULL,
           pages = NULL, chunks = NULL, sha256 = NULL, ready_at = NULL
     WHERE id = $1 AND workspace_id = $2 AND generation = $3 AND status = 'processing'
    RETURNING id
),
counted AS (
    UPDATE workspaces SET corpus_version = corpus_version + 1,
           chunks = chunks - (SELECT count(*) FROM document_chunks WHERE document_id = $1 AND workspace_id = $2)
     WHERE id = $2 AND EXISTS (SELECT FROM failed) AND EXISTS (SELECT FROM document_chunks WHERE document_id = $1)
),
old_pages AS (DELETE FROM pages WHERE document_id IN (SELECT id FROM failed)),
old_postings AS (DELETE FROM postings WHERE document_id IN (SELECT id FROM failed)),
old_chunks AS (DELETE FROM document_chunks WHERE document_id IN (SELECT id FROM failed))
SELECT id FROM failed
