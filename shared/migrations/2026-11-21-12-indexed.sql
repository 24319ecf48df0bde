-- What a document's index was made with: the language of its terms, the version of the analyser, the model of its vectors.
-- Vectors of two models cannot be compared: search leaves out those of another model than its own, and a job makes them anew.

ALTER TABLE documents
    ADD COLUMN language        text NOT NULL DEFAULT 'en',
    ADD COLUMN analyser        smallint NOT NULL DEFAULT 1,
    -- Empty: nobody knows.
    ADD COLUMN embedding_model text NOT NULL DEFAULT '';
-- What there is was made by the default setting's model. Where that is wrong, the vectors are made anew.
UPDATE documents SET embedding_model = 'all-MiniLM-L6-v2' WHERE status = 'ready';
-- Finds the few documents whose model is another one, below and above the name.
CREATE INDEX documents_model_idx ON documents (workspace_id, embedding_model) WHERE status = 'ready';

-- The languages but English that its documents are or were in: a question is stemmed by their rules too.
ALTER TABLE workspaces ADD COLUMN languages text[] NOT NULL DEFAULT '{}';
GRANT UPDATE (languages) ON workspaces TO footnote_jobs;
GRANT UPDATE (embedding) ON document_chunks TO footnote_jobs;

-- Takes up to `p_limit` documents whose index another model or an older analyser made, the longest untouched first, and
-- puts off the next look at each for as long as a worker may run.
CREATE FUNCTION job_claim_outdated(p_model text, p_analyser smallint, p_limit integer)
    RETURNS TABLE (workspace_id uuid, document_id uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
UPDATE documents d
   SET check_after = now() + interval '16 minutes'
  FROM (SELECT due.id FROM documents due
         WHERE due.status = 'ready' AND (due.embedding_model <> p_model OR due.analyser < p_analyser)
           AND due.check_after <= now()
         ORDER BY due.check_after LIMIT p_limit FOR UPDATE SKIP LOCKED) AS taken
 WHERE d.id = taken.id
RETURNING d.workspace_id, d.id
$$;
REVOKE ALL ON FUNCTION job_claim_outdated FROM PUBLIC;
GRANT EXECUTE ON FUNCTION job_claim_outdated TO footnote_jobs;
