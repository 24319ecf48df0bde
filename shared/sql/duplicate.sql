-- Ends a document ($1, of generation $3) as a copy of the searchable one that holds the same bytes ($4), if there is one.
-- The original is locked: if it goes at the same time, either its going sees this copy and gives it its turn, or this sees
-- that it went.
WITH original AS (
    SELECT id FROM documents
     WHERE workspace_id = $2 AND sha256 = $4 AND status = 'ready' AND id <> $1
       FOR SHARE
)
UPDATE documents d
   SET status = 'duplicate', duplicate_of = original.id, sha256 = $4, size_bytes = $5, lease_until = NULL, attempts = 0
  FROM original
 WHERE d.id = $1 AND d.workspace_id = $2 AND d.generation = $3 AND d.status = 'processing'
RETURNING d.id
