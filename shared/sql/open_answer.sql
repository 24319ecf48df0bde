-- What is there for the question $2 of the workspace: whether the answer that the process knows (of version $3, with the
-- citations $4) still holds; else the one that is kept here and holds; else whether it is the caller's, by the claim $5 for
-- $6 seconds, to have one written, which it is unless somebody else has. No row: there is no such workspace yet.
WITH present AS (
    SELECT corpus_version FROM workspaces WHERE id = $1
),
known AS (
    SELECT FROM present WHERE corpus_version = $3 AND citations_hold($1, $4)
),
here AS (
    SELECT q.claim, q.answer, q.written_at, citations_hold($1, q.answer -> 'citations') AS holds
      FROM query_cache q JOIN present USING (corpus_version)
     WHERE q.workspace_id = $1 AND q.key = $2 AND q.until > now() AND NOT EXISTS (SELECT FROM known)
),
claimed AS (
    INSERT INTO query_cache AS q (workspace_id, key, corpus_version, claim, until)
    SELECT $1, $2, corpus_version, $5, now() + make_interval(secs => $6) FROM present
     WHERE $5 IS NOT NULL AND NOT EXISTS (SELECT FROM known)
       AND NOT EXISTS (SELECT FROM here WHERE holds OR answer IS NULL)
    -- Somebody may have been faster: theirs stands, unless it is of an older version, over, or the one that does not hold.
    ON CONFLICT (workspace_id, key) DO UPDATE
       SET corpus_version = excluded.corpus_version, claim = excluded.claim, until = excluded.until, answer = NULL,
           written_at = now()
     WHERE q.corpus_version < excluded.corpus_version OR q.until <= now() OR q.claim = (SELECT claim FROM here)
    RETURNING q.claim
)
SELECT present.corpus_version, EXISTS (SELECT FROM known) AS known, EXISTS (SELECT FROM claimed) AS ours, here.answer,
       here.written_at
  FROM present LEFT JOIN here ON here.holds AND here.answer IS NOT NULL
