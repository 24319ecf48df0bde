-- Pages, postings and chunks exist for ready documents only: they go in the moment in which their document stops being
-- ready, whichever statement it is that says so, and copies of the same bytes get their turn.

CREATE FUNCTION after_document_left() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    -- A deleted document takes its rows with it.
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM pages WHERE document_id = OLD.id AND workspace_id = OLD.workspace_id;
        DELETE FROM postings WHERE document_id = OLD.id AND workspace_id = OLD.workspace_id;
        DELETE FROM document_chunks WHERE document_id = OLD.id AND workspace_id = OLD.workspace_id;
    END IF;
    UPDATE workspaces SET corpus_version = corpus_version + 1, chunks = chunks - OLD.chunks WHERE id = OLD.workspace_id;
    UPDATE documents SET status = 'processing', duplicate_of = NULL, check_after = now()
     WHERE workspace_id = OLD.workspace_id AND duplicate_of = OLD.id AND status = 'duplicate';
    RETURN NULL;
END
$$;

-- What was deleted stays deleted.
CREATE OR REPLACE FUNCTION after_document_delete() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO erasures (workspace_id, document_id) VALUES (OLD.workspace_id, OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER document_left_by_delete AFTER DELETE ON documents
    FOR EACH ROW WHEN (OLD.status = 'ready') EXECUTE FUNCTION after_document_left();
CREATE TRIGGER document_left_by_update AFTER UPDATE OF status ON documents
    FOR EACH ROW WHEN (OLD.status = 'ready' AND NEW.status <> 'ready') EXECUTE FUNCTION after_document_left();

-- What earlier code may have left.
DELETE FROM pages p USING documents d WHERE d.id = p.document_id AND d.status <> 'ready';
DELETE FROM postings p USING documents d WHERE d.id = p.document_id AND d.status <> 'ready';
DELETE FROM document_chunks c USING documents d WHERE d.id = c.document_id AND d.status <> 'ready';
UPDATE workspaces w SET corpus_version = corpus_version + 1, chunks = counted.chunks
  FROM (SELECT w.id, count(c.id) AS chunks FROM workspaces w LEFT JOIN document_chunks c ON c.workspace_id = w.id GROUP BY w.id) counted
 WHERE counted.id = w.id AND counted.chunks <> w.chunks;
