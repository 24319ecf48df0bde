-- Leases a document for sixteen minutes, one more than a worker may run (template.yaml), unless it is done, or held, or the
-- event says nothing new. $3 is the event's
-- sequencer (NULL: the claim loop), $4 the object's entity tag and $5 its key. Answers whether another worker holds it, and
-- the lease if it was taken. What the document was before goes: a trigger takes its rows when it stops being ready.
WITH taken AS (
    UPDATE documents
       SET status = 'processing', failure_code = NULL, failure_detail = NULL, duplicate_of = NULL,
           pages = NULL, chunks = NULL, hidden_characters = NULL, sha256 = NULL, ready_at = NULL,
           generation = generation + 1, attempts = attempts + 1, lease_until = now() + interval '16 minutes',
           object_sequencer = COALESCE($3, object_sequencer), object_etag = $4
     WHERE id = $1 AND workspace_id = $2 AND object_key = $5 AND (lease_until IS NULL OR lease_until < now())
       AND CASE WHEN status IN ('awaiting_upload', 'processing')
                -- Work to do; an event that a newer one overtook is none.
                THEN $3 IS NULL OR object_sequencer IS NULL OR object_sequencer <= $3
                -- Done: only other bytes, said by a newer event, make work again.
                ELSE $3 IS NOT NULL AND (object_sequencer IS NULL OR object_sequencer < $3)
                     AND object_etag IS DISTINCT FROM $4
           END
    -- Words that count in with every chunk: what it is called, whose standard it is, of which year.
    RETURNING generation, number, title, attempts,
              concat_ws(' ', title, standard, regexp_replace(filename, '[.][[:alnum:]]{1,5}$', ''), extract(year FROM effective_date)) AS about
)
SELECT d.status = 'processing' AND d.lease_until >= now() AND NOT EXISTS (SELECT FROM taken) AS held,
       taken.generation, taken.number, taken.title, taken.attempts, taken.about
  FROM documents d LEFT JOIN taken ON true
 WHERE d.id = $1 AND d.workspace_id = $2 AND d.object_key = $5
