-- Says that a searchable document ($1, of generation $3) is indexed anew: in language $4, by analyser $5, with vectors of model
-- $6; and raises the corpus version. Its postings, and its vectors where the model is another, follow in the same transaction.
WITH renewed AS (
    UPDATE documents SET language = $4, analyser = $5, embedding_model = $6
     WHERE id = $1 AND workspace_id = $2 AND generation = $3 AND status = 'ready'
    RETURNING id
),
counted AS (
    UPDATE workspaces
       SET corpus_version = corpus_version + 1,
           languages = CASE WHEN $4 = 'en' OR $4 = ANY (languages) THEN languages ELSE languages || $4 END
     WHERE id = $2 AND EXISTS (SELECT FROM renewed)
)
SELECT id FROM renewed
