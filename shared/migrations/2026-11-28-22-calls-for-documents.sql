-- Whoever indexes a document acts for nobody: the calls of models that it takes are booked as the document's owner's.

CREATE FUNCTION job_book_calls(
    p_document uuid, p_providers text[], p_models text[], p_outcomes text[], p_input_tokens integer[], p_output_tokens integer[],
    p_estimated boolean[], p_costs_usd double precision[], p_latencies_ms integer[]
) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
INSERT INTO agent_telemetry (workspace_id, user_id, provider, model, outcome, input_tokens, output_tokens, estimated, cost_usd,
                             latency_ms, attempt)
SELECT d.workspace_id, d.owner_id, each.*
  FROM documents d,
       unnest(p_providers, p_models, p_outcomes, p_input_tokens, p_output_tokens, p_estimated, p_costs_usd, p_latencies_ms)
       WITH ORDINALITY AS each
 WHERE d.id = p_document AND d.workspace_id = current_workspace()
$$;

REVOKE ALL ON FUNCTION job_book_calls FROM PUBLIC;
GRANT EXECUTE ON FUNCTION job_book_calls TO footnote_jobs;
