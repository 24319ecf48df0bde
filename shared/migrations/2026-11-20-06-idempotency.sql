-- Requests that were marked as one and the same, with what they were answered.

CREATE TABLE idempotency_keys (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    user_id      text NOT NULL,
    key          text NOT NULL,
    -- SHA-256 of method, path, query, media type and body.
    request_hash bytea NOT NULL,
    -- Whose turn it is: a later claim of an expired key takes it from an earlier one.
    claim        uuid NOT NULL,
    -- NULL while the request is being worked on.
    status       smallint,
    content_type text,
    body         bytea,
    -- In flight: the deadline of the invocation that works on it. Done: a day later.
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, user_id, key)
);
CALL guard_table('idempotency_keys', 'workspace_id', true);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO footnote_app;
CREATE INDEX idempotency_keys_expiry_idx ON idempotency_keys (expires_at);

-- Deletes up to `p_limit` keys that expired before `p_before`, of every tenant; answers how many went.
CREATE FUNCTION job_expire_idempotency_keys(p_before timestamptz, p_limit integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH gone AS (
    DELETE FROM idempotency_keys
     WHERE (workspace_id, user_id, key) IN
           (SELECT workspace_id, user_id, key FROM idempotency_keys WHERE expires_at < p_before LIMIT p_limit)
    RETURNING 1
)
SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION job_expire_idempotency_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION job_expire_idempotency_keys TO footnote_jobs;
