-- Answers that were paid for, kept to be given again while what they rest on is unchanged; and who has one written.

CREATE TABLE query_cache (
    workspace_id   uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    -- Of the question with all that its answer depends on: never the question itself.
    key            bytea NOT NULL CHECK (length(key) = 32),
    -- What was searchable: the answer stands for no other version.
    corpus_version bigint NOT NULL,
    -- Who has it written, or wrote it.
    claim          uuid NOT NULL,
    -- NULL while it is being written.
    answer         jsonb,
    -- Until when the claim stands, or the answer is given again.
    until          timestamptz NOT NULL,
    written_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, key)
);
CALL guard_table('query_cache', 'workspace_id', false);
GRANT SELECT, INSERT, UPDATE, DELETE ON query_cache TO footnote_app;
CREATE INDEX query_cache_written_idx ON query_cache (written_at);

-- Whether each citation's words stand where it says, in the workspace's pages as they are now.
CREATE FUNCTION citations_hold(p_workspace_id uuid, p_citations jsonb) RETURNS boolean
    LANGUAGE sql STABLE AS $$
SELECT NOT EXISTS (
    SELECT FROM jsonb_to_recordset(p_citations) AS c(document_id uuid, page bigint, char_start integer, char_end integer, quote text)
      LEFT JOIN pages p ON p.workspace_id = p_workspace_id AND p.document_id = c.document_id AND p.number = c.page
     WHERE substr(p.text, c.char_start + 1, c.char_end - c.char_start) IS DISTINCT FROM c.quote
)
$$;
REVOKE ALL ON FUNCTION citations_hold FROM PUBLIC;
GRANT EXECUTE ON FUNCTION citations_hold TO footnote_app;

-- What is searchable has changed: answers quote what was, and go in the same transaction, whoever changed it.
CREATE FUNCTION after_corpus_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM query_cache WHERE workspace_id = NEW.id AND corpus_version < NEW.corpus_version;
    RETURN NULL;
END
$$;
CREATE TRIGGER corpus_changed AFTER UPDATE OF corpus_version ON workspaces
    FOR EACH ROW WHEN (NEW.corpus_version > OLD.corpus_version) EXECUTE FUNCTION after_corpus_changed();

-- A deleted account takes with it what its questions were answered, in every tier: a version that nobody has seen makes all
-- that is kept anywhere an answer of the past.
CREATE FUNCTION after_person_left() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE workspaces SET corpus_version = corpus_version + 1 WHERE id = OLD.workspace_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER person_left AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION after_person_left();

-- The workspaces in which the person has anything: whoever deletes the account empties their caches.
CREATE FUNCTION person_workspaces() RETURNS TABLE (workspace_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
SELECT u.workspace_id FROM users u WHERE u.user_id = current_person()
UNION
SELECT d.workspace_id FROM documents d WHERE d.owner_id = current_person()
$$;

-- Deletes up to `p_limit` answers and claims from before `p_before`, of every tenant; answers how many went.
CREATE FUNCTION job_expire_answers(p_before timestamptz, p_limit integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH gone AS (
    DELETE FROM query_cache
     WHERE (workspace_id, key) IN
           (SELECT workspace_id, key FROM query_cache WHERE written_at < p_before ORDER BY written_at LIMIT p_limit)
    RETURNING 1
)
SELECT count(*) FROM gone
$$;

REVOKE ALL ON FUNCTION after_corpus_changed, after_person_left, person_workspaces, job_expire_answers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_workspaces TO footnote_app;
GRANT EXECUTE ON FUNCTION job_expire_answers TO footnote_jobs;
