-- What was done and who was turned away, kept apart from what it was done to: rows are added here and never changed.

-- An address has so few values that whoever sees its hash could try them all. With a key of this database's own before it,
-- that takes the whole database and not a look at the table.
CREATE TABLE audit_keys (key bytea NOT NULL CHECK (length(key) = 32));
INSERT INTO audit_keys VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
ALTER TABLE audit_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON audit_keys TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE TABLE audit_logs (
    -- Version 7, made here: who writes chooses neither the row's key nor its time.
    id           uuid PRIMARY KEY DEFAULT encode(set_bit(set_bit(overlay(
                     uuid_send(gen_random_uuid())
                     PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6
                 ), 52, 1), 53, 1), 'hex')::uuid,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- No reference: the row outlives its workspace. NULL: none was known yet, or it concerns all of them.
    workspace_id uuid,
    -- Whom the transaction acts for, as log lines have them (shared::domain::caller::UserId::hashed). NULL: nobody, a job.
    actor        text DEFAULT left(encode(sha256(convert_to(current_person(), 'UTF8')), 'hex'), 16)
                 CHECK (actor ~ '^[0-9a-f]{16}$'),
    event        text NOT NULL CHECK (event IN ('document_uploaded', 'document_ingested', 'document_deleted', 'user_deleted',
                                                'sign_in_failed', 'signing_keys_changed', 'settings_changed',
                                                'migration_applied')),
    -- What it was done to: a document's id, a person's hash, a migration's name, the version of a secret or of a key set.
    subject      text CHECK (subject ~ '^[A-Za-z0-9._-]{1,100}$'),
    -- Codes, counts and names of ours.
    detail       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object' AND length(detail::text) <= 4000),
    address_hash text CHECK (address_hash ~ '^[0-9a-f]{16}$'),
    -- The request's, in its response and its log lines too. NULL: it was none.
    request_id   uuid DEFAULT NULLIF(current_setting('app.request_id', true), '')::uuid
);
-- No role of the application is granted anything on it: not even reading.
CALL guard_table('audit_logs', 'workspace_id', false);
CREATE INDEX audit_logs_at_idx ON audit_logs (at);

-- Whoever may do anything else with a table, such as its owner, adds to this one and no more.
CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: no %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON audit_logs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Retention deletes what is old; the last thirty days are nobody's to delete.
CREATE TRIGGER keep_a_month BEFORE DELETE ON audit_logs
    FOR EACH ROW WHEN (OLD.at >= now() - interval '30 days') EXECUTE FUNCTION refuse_change();

-- What changes rows is written by the change itself, in its transaction: no statement can forget it, and none can claim it.
-- With the owner's rights, because a deleted account's documents may lie in several workspaces.
CREATE FUNCTION audit_document() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO audit_logs (workspace_id, event, subject, detail)
        VALUES (NEW.workspace_id, 'document_uploaded', NEW.id, jsonb_build_object('size_bytes', NEW.size_bytes));
    WHEN 'UPDATE' THEN
        INSERT INTO audit_logs (workspace_id, event, subject, detail)
        VALUES (NEW.workspace_id, 'document_ingested', NEW.id, jsonb_strip_nulls(jsonb_build_object(
                    'status', NEW.status, 'code', NEW.failure_code, 'pages', NEW.pages, 'chunks', NEW.chunks)));
    WHEN 'DELETE' THEN
        INSERT INTO audit_logs (workspace_id, event, subject) VALUES (OLD.workspace_id, 'document_deleted', OLD.id);
    END CASE;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_change AFTER INSERT OR DELETE ON documents FOR EACH ROW EXECUTE FUNCTION audit_document();
CREATE TRIGGER audit_outcome AFTER UPDATE OF status ON documents
    FOR EACH ROW WHEN (NEW.status IN ('ready', 'failed', 'duplicate') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION audit_document();

-- One row for each workspace that the person was in.
CREATE FUNCTION audit_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO audit_logs (workspace_id, event, subject)
    VALUES (OLD.workspace_id, 'user_deleted', left(encode(sha256(convert_to(OLD.user_id, 'UTF8')), 'hex'), 16));
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_change AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION audit_user();

CREATE FUNCTION audit_migration() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO audit_logs (event, subject) VALUES ('migration_applied', NEW.name);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_change AFTER INSERT ON schema_migrations FOR EACH ROW EXECUTE FUNCTION audit_migration();

-- What changes no row is told by who saw it: the application's one way in. It says neither for which workspace nor who did it;
-- the transaction does. The address comes hashed, so that none stands in a log of this server's, and is hashed again.
CREATE FUNCTION audit_append(p_event text, p_subject text, p_detail jsonb, p_address_sha256 bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_event IN ('sign_in_failed', 'signing_keys_changed', 'settings_changed') THEN
        INSERT INTO audit_logs (workspace_id, event, subject, detail, address_hash)
        VALUES (current_workspace(), p_event, p_subject, p_detail,
                left(encode(sha256((SELECT key FROM audit_keys) || p_address_sha256), 'hex'), 16));
    ELSE
        RAISE EXCEPTION 'nobody but the change itself writes %', p_event USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

-- Deletes up to `p_limit` rows from before `p_before`, of every tenant; answers how many went. The last thirty days stay.
CREATE FUNCTION job_expire_audit_logs(p_before timestamptz, p_limit integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH gone AS (
    DELETE FROM audit_logs
     WHERE id IN (SELECT id FROM audit_logs WHERE at < LEAST(p_before, now() - interval '30 days') ORDER BY at LIMIT p_limit)
    RETURNING 1
)
SELECT count(*) FROM gone
$$;

REVOKE ALL ON FUNCTION refuse_change, audit_document, audit_user, audit_migration, audit_append, job_expire_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append TO footnote_app, footnote_jobs;
GRANT EXECUTE ON FUNCTION job_expire_audit_logs TO footnote_jobs;
