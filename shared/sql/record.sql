-- Records one question: its workspace and person where they are new, the conversation, the message, the log, every call of a
-- model. Foreign keys are checked at the statement's end, so that the parts may come in any order. Where caps are set ($26), what
-- was reserved is settled.
WITH workspace AS (
    INSERT INTO workspaces (id, kind, external_id) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING
),
person AS (
    INSERT INTO users (workspace_id, user_id) VALUES ($1, $4) ON CONFLICT DO NOTHING
),
conversation AS (
    INSERT INTO conversations (id, workspace_id, user_id) VALUES ($5, $1, $4) ON CONFLICT (id) DO NOTHING
),
message AS (
    INSERT INTO messages (id, conversation_id, workspace_id, user_id, question, response) VALUES ($6, $5, $1, $4, $7, $8)
),
log AS (
    INSERT INTO query_logs (id, workspace_id, user_id, question_hash, passages, citations, rejected, refused, degraded,
                            search_ms, total_ms)
    VALUES ($6, $1, $4, $9, $10, $11, $12, $13, $14, $15, $16)
),
calls AS (
    INSERT INTO agent_telemetry (message_id, workspace_id, user_id, provider, model, outcome, input_tokens, output_tokens, estimated,
                                 cost_usd, latency_ms, attempt)
    SELECT $6, $1, $4, each.*
      FROM unnest($17::text[], $18::text[], $19::text[], $20::integer[], $21::integer[], $22::boolean[], $23::double precision[],
                  $24::integer[]) WITH ORDINALITY AS each
)
SELECT budget_settle($6, $25, $26) WHERE $26 IS NOT NULL
