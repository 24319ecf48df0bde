-- Responses that are kept for a repeated request are the person's too: they go with the account.

CREATE OR REPLACE FUNCTION person_delete() RETURNS TABLE (documents bigint, conversations bigint, query_logs bigint, model_calls bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH gone_documents AS (DELETE FROM documents WHERE owner_id = current_person() RETURNING 1),
gone_conversations AS (DELETE FROM conversations WHERE user_id = current_person() RETURNING 1),
gone_logs AS (DELETE FROM query_logs WHERE user_id = current_person() RETURNING 1),
gone_calls AS (DELETE FROM agent_telemetry WHERE user_id = current_person() RETURNING 1),
gone_keys AS (DELETE FROM idempotency_keys WHERE user_id = current_person()),
gone_person AS (DELETE FROM users WHERE user_id = current_person())
SELECT (SELECT count(*) FROM gone_documents), (SELECT count(*) FROM gone_conversations),
       (SELECT count(*) FROM gone_logs), (SELECT count(*) FROM gone_calls)
$$;
