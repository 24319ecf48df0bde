-- Questions, answers, and what they cost.

CREATE TABLE conversations (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    user_id      text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CALL guard_table('conversations', 'workspace_id', true);
GRANT SELECT, INSERT, DELETE ON conversations TO footnote_app;
CREATE INDEX conversations_user_idx ON conversations (workspace_id, user_id, id DESC);

CREATE TABLE messages (
    id              uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    workspace_id    uuid NOT NULL,
    user_id         text NOT NULL,
    question        text NOT NULL,
    -- The answer object as it was sent.
    response        jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CALL guard_table('messages', 'workspace_id', true);
GRANT SELECT, INSERT, DELETE ON messages TO footnote_app;
CREATE INDEX messages_conversation_idx ON messages (conversation_id, created_at DESC);

-- One row a question: what it was like, never what it said.
CREATE TABLE query_logs (
    id            uuid PRIMARY KEY,
    workspace_id  uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    user_id       text NOT NULL,
    question_hash bytea NOT NULL,
    passages      integer NOT NULL,
    citations     integer NOT NULL,
    rejected      integer NOT NULL,
    refused       boolean NOT NULL,
    degraded      text[] NOT NULL,
    search_ms     integer NOT NULL,
    total_ms      integer NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CALL guard_table('query_logs', 'workspace_id', true);
GRANT SELECT, INSERT, DELETE ON query_logs TO footnote_app;
CREATE INDEX query_logs_created_idx ON query_logs (created_at);

-- One row a model call.
CREATE TABLE agent_telemetry (
    id            uuid PRIMARY KEY,
    workspace_id  uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    user_id       text NOT NULL,
    provider      text NOT NULL,
    model         text NOT NULL,
    input_tokens  integer NOT NULL,
    output_tokens integer NOT NULL,
    cost_usd      double precision NOT NULL,
    latency_ms    integer NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CALL guard_table('agent_telemetry', 'workspace_id', true);
GRANT SELECT, INSERT, DELETE ON agent_telemetry TO footnote_app;
CREATE INDEX agent_telemetry_created_idx ON agent_telemetry (created_at);

CREATE VIEW ai_cost_summary WITH (security_invoker = true) AS
SELECT date_trunc('day', created_at)                AS day,
       sum(input_tokens + output_tokens)::bigint    AS total_tokens,
       sum(cost_usd)                                AS total_cost_usd,
       count(*)                                     AS total_calls
  FROM agent_telemetry
 GROUP BY 1;
GRANT SELECT ON ai_cost_summary TO footnote_app;
