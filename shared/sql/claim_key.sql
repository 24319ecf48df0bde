-- Claims an idempotency key for a request, where nobody has it or its time is over. Answers the row as it is after: ours, in
-- flight, or done. $1 workspace, its $2 kind and $3 external id  $4 person  $5 key  $6 request hash  $7 claim  $8 seconds to work
WITH workspace AS (
    INSERT INTO workspaces (id, kind, external_id) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING
),
claimed AS (
    INSERT INTO idempotency_keys (workspace_id, user_id, key, request_hash, claim, expires_at)
    VALUES ($1, $4, $5, $6, $7, now() + make_interval(secs => $8))
    ON CONFLICT (workspace_id, user_id, key) DO UPDATE
       SET request_hash = $6, claim = $7, status = NULL, content_type = NULL, body = NULL,
           expires_at = now() + make_interval(secs => $8)
     WHERE idempotency_keys.expires_at < now()
    RETURNING request_hash, claim, status, content_type, body, expires_at
)
SELECT request_hash, claim, status, content_type, body, GREATEST(1, ceil(extract(epoch FROM expires_at - now())))::float8
  FROM claimed
UNION ALL
SELECT request_hash, claim, status, content_type, body, GREATEST(1, ceil(extract(epoch FROM expires_at - now())))::float8
  FROM idempotency_keys
 WHERE workspace_id = $1 AND user_id = $4 AND key = $5 AND NOT EXISTS (SELECT FROM claimed)
