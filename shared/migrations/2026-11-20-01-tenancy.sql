-- Roles, the tenant of a transaction, and the tables of workspaces and people.

CREATE EXTENSION IF NOT EXISTS vector;

-- footnote_owner runs the migrations; it exists already. These two run the functions. Whoever deploys gives them their
-- passwords (docs/deploy.md); neither owns a table nor may pass by row-level security.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['footnote_app', 'footnote_jobs'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', wanted);
        END IF;
    END LOOP;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO footnote_app, footnote_jobs;

-- The tenant that this transaction acts for. After a transaction the setting is '' and not NULL.
CREATE FUNCTION current_workspace() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.workspace_id', true), '')::uuid;

-- The person that this transaction acts for, as the identity provider names them.
CREATE FUNCTION current_person() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.user_id', true), '');

-- Puts one table under the tenant guard. The owner is bound too (FORCE) and has a policy of its own: without it neither
-- the named functions nor a backup would see a row. `personal` tables are also bound to the person.
CREATE PROCEDURE guard_table(target regclass, workspace_column text, personal boolean)
    LANGUAGE plpgsql AS $$
DECLARE
    rule text := format('%I = (SELECT current_workspace())', workspace_column);
BEGIN
    IF personal THEN
        rule := rule || ' AND user_id = (SELECT current_person())';
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY tenant ON %s TO footnote_app, footnote_jobs USING (%s) WITH CHECK (%s)', target, rule, rule);
    EXECUTE format('CREATE POLICY owner ON %s TO CURRENT_USER USING (true) WITH CHECK (true)', target);
END
$$;
REVOKE ALL ON PROCEDURE guard_table FROM PUBLIC;

-- The list of migrations is nobody's business but the owner's.
ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE schema_migrations FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON schema_migrations TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE TABLE workspaces (
    -- Computed from the organisation's or the person's id (shared::domain::WorkspaceId), never looked up.
    id             uuid PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('organization', 'personal')),
    external_id    text NOT NULL,
    -- Raised with every change of what is searchable; part of every cache key.
    corpus_version bigint NOT NULL DEFAULT 0,
    -- How many chunks are searchable: the N of BM25's inverse document frequency.
    chunks         bigint NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CALL guard_table('workspaces', 'id', false);
GRANT SELECT, INSERT, UPDATE (corpus_version, chunks) ON workspaces TO footnote_app, footnote_jobs;

CREATE TABLE users (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    user_id      text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, user_id)
);
CALL guard_table('users', 'workspace_id', true);
GRANT SELECT, INSERT, DELETE ON users TO footnote_app;
