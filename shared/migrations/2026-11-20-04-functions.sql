-- Named functions: what SQL clients search with, and the only ways in which jobs see more than one tenant.

-- Loads pgvector into this session: only then may an ordinary role name its settings, as the next function does.
DO $$ BEGIN PERFORM '[0]'::vector; END $$;

-- Vector search for SQL clients. It runs as its caller, so that row-level security decides; `p_user_id` can only narrow.
-- With its own settings of the index: a small tenant beside large ones gets all that it asks for (pgvector >= 0.8).
CREATE FUNCTION search_chunks(
    query_embedding vector(384), match_threshold double precision, match_count integer, p_user_id text DEFAULT NULL
) RETURNS TABLE (
    id bigint, document_id uuid, title text, content text, start_offset integer, end_offset integer, similarity double precision
)
    LANGUAGE sql STABLE SET hnsw.iterative_scan = 'strict_order' SET hnsw.ef_search = 200 AS $$
SELECT c.id, c.document_id, d.title, c.content, c.start_offset, c.end_offset,
       1 - (c.embedding <=> query_embedding::halfvec(384)) AS similarity
  FROM document_chunks c
  JOIN documents d ON d.id = c.document_id AND d.status = 'ready'
 WHERE (p_user_id IS NULL OR d.owner_id = p_user_id)
   AND 1 - (c.embedding <=> query_embedding::halfvec(384)) > match_threshold
 ORDER BY c.embedding <=> query_embedding::halfvec(384)
 LIMIT LEAST(match_count, 200)
$$;
REVOKE ALL ON FUNCTION search_chunks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_chunks TO footnote_app;

-- A person may be in several workspaces, and their session token names one of them. These two reach all of the person's
-- rows and take no argument: they act for whoever the transaction is bound to.
CREATE FUNCTION person_object_keys() RETURNS TABLE (object_key text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
SELECT d.object_key FROM documents d WHERE d.owner_id = current_person()
$$;

CREATE FUNCTION person_delete() RETURNS TABLE (documents bigint, conversations bigint, query_logs bigint, model_calls bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH gone_documents AS (DELETE FROM documents WHERE owner_id = current_person() RETURNING 1),
gone_conversations AS (DELETE FROM conversations WHERE user_id = current_person() RETURNING 1),
gone_logs AS (DELETE FROM query_logs WHERE user_id = current_person() RETURNING 1),
gone_calls AS (DELETE FROM agent_telemetry WHERE user_id = current_person() RETURNING 1),
gone_person AS (DELETE FROM users WHERE user_id = current_person())
SELECT (SELECT count(*) FROM gone_documents), (SELECT count(*) FROM gone_conversations),
       (SELECT count(*) FROM gone_logs), (SELECT count(*) FROM gone_calls)
$$;

REVOKE ALL ON FUNCTION person_object_keys, person_delete FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_object_keys, person_delete TO footnote_app;

-- Whose document this is; `erased` where a tombstone stands. No row: not ours.
CREATE FUNCTION job_locate(p_document_id uuid) RETURNS TABLE (workspace_id uuid, erased boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
SELECT d.workspace_id, false FROM documents d WHERE d.id = p_document_id
UNION ALL
SELECT e.workspace_id, true FROM erasures e
 WHERE e.document_id = p_document_id AND NOT EXISTS (SELECT FROM documents d WHERE d.id = p_document_id)
$$;

-- Takes up to `p_limit` documents that may need work and puts off the next look at each: twice as long each time, at
-- most a minute, so that an upload that never comes is not asked for every second.
CREATE FUNCTION job_claim(p_limit integer) RETURNS TABLE (object_key text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
UPDATE documents d
   SET check_after = now() + LEAST(interval '1 minute', GREATEST(interval '1 second', (now() - d.created_at) / 2))
  FROM (SELECT due.id FROM documents due
         WHERE due.status IN ('awaiting_upload', 'processing') AND due.check_after <= now()
           AND (due.lease_until IS NULL OR due.lease_until < now())
         ORDER BY due.check_after LIMIT p_limit FOR UPDATE SKIP LOCKED) AS taken
 WHERE d.id = taken.id
RETURNING d.object_key
$$;

-- Deletes up to `p_limit` query logs from before `p_before`, of every tenant; answers how many went.
CREATE FUNCTION job_expire_query_logs(p_before timestamptz, p_limit integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH gone AS (
    DELETE FROM query_logs
     WHERE id IN (SELECT id FROM query_logs WHERE created_at < p_before ORDER BY created_at LIMIT p_limit)
    RETURNING 1
)
SELECT count(*) FROM gone
$$;

-- Likewise for vectors that no retry will ask for.
CREATE FUNCTION job_expire_embeddings(p_before timestamptz, p_limit integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH gone AS (
    DELETE FROM embedding_cache
     WHERE (workspace_id, model, content_hash) IN
           (SELECT workspace_id, model, content_hash FROM embedding_cache WHERE created_at < p_before LIMIT p_limit)
    RETURNING 1
)
SELECT count(*) FROM gone
$$;

REVOKE ALL ON FUNCTION job_locate, job_claim, job_expire_query_logs, job_expire_embeddings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION job_locate, job_claim, job_expire_query_logs, job_expire_embeddings TO footnote_jobs;
