-- Records the calls of models of a question ($1) that gets no answer; where something was reserved for it ($13), settles that.
WITH calls AS (
    INSERT INTO agent_telemetry (message_id, workspace_id, user_id, provider, model, outcome, input_tokens, output_tokens, estimated,
                                 cost_usd, latency_ms, attempt)
    SELECT $1, $2, $3, each.*
      FROM unnest($4::text[], $5::text[], $6::text[], $7::integer[], $8::integer[], $9::boolean[], $10::double precision[],
                  $11::integer[]) WITH ORDINALITY AS each
)
SELECT budget_settle($1, $12, $13) WHERE $13 IS NOT NULL
