-- Records one question: its workspace and person where they are new, the conversation, the message, the log, the model
-- call. Foreign keys are checked at the statement's end, so that the parts may come in any order.
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
)
-- The extractive answerer is no model and costs nothing.
INSERT INTO agent_telemetry (id, workspace_id, user_id, provider, model, input_tokens, output_tokens, cost_usd, latency_ms)
SELECT $6, $1, $4, $17, $18, $19, $20, $21, $22 WHERE $17 <> 'footnote'
