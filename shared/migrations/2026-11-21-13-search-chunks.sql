-- search_chunks returns as many rows as there are: a small tenant's chunks are compared one by one, and so are a large one's
-- where the vector index gave up. It compares with the vectors of one model only, that of most of the caller's chunks.

-- Loads pgvector into this session: only then may an ordinary role name its settings, as the next function does.
DO $$ BEGIN PERFORM '[0]'::vector; END $$;

-- It runs as its caller, so that row-level security decides; `p_user_id` can only narrow. Its threshold is applied last: what
-- is below it is behind all that is above.
CREATE OR REPLACE FUNCTION search_chunks(
    query_embedding vector(384), match_threshold double precision, match_count integer, p_user_id text DEFAULT NULL
) RETURNS TABLE (
    id bigint, document_id uuid, title text, content text, start_offset integer, end_offset integer, similarity double precision
)
    LANGUAGE sql STABLE
    SET hnsw.iterative_scan = 'strict_order' SET hnsw.ef_search = 800 SET hnsw.max_scan_tuples = 40000 SET jit = off AS $$
WITH model AS MATERIALIZED (
    SELECT d.embedding_model FROM documents d WHERE d.status = 'ready'
     GROUP BY d.embedding_model ORDER BY sum(d.chunks) DESC NULLS LAST, d.embedding_model LIMIT 1
),
searched AS MATERIALIZED (
    SELECT array_agg(d.id) AS ids, sum(d.chunks) AS chunks FROM documents d
     WHERE d.status = 'ready' AND d.embedding_model = (SELECT embedding_model FROM model)
       AND (p_user_id IS NULL OR d.owner_id = p_user_id)
),
extent AS MATERIALIZED (
    SELECT chunks > 50000
           AND chunks::float8 * chunks > 1000 * (SELECT reltuples FROM pg_class WHERE oid = 'document_chunks'::regclass) AS by_index
      FROM searched
),
approximate AS MATERIALIZED (
    SELECT c.id, c.embedding <=> query_embedding::halfvec(384) AS distance FROM document_chunks c
     WHERE (SELECT by_index FROM extent) AND c.document_id = ANY ((SELECT ids FROM searched)::uuid[])
     ORDER BY c.embedding <=> query_embedding::halfvec(384) LIMIT GREATEST(match_count, 0)
),
nearest AS (
    SELECT a.id, a.distance FROM approximate a WHERE (SELECT count(*) FROM approximate) >= match_count
    UNION ALL
    (SELECT c.id, c.embedding <=> query_embedding::halfvec(384) AS distance FROM document_chunks c
      WHERE (SELECT count(*) FROM approximate) < match_count AND c.document_id = ANY ((SELECT ids FROM searched)::uuid[])
      ORDER BY (c.embedding <=> query_embedding::halfvec(384)) + 0 LIMIT GREATEST(match_count, 0))
)
SELECT c.id, c.document_id, d.title, c.content, c.start_offset, c.end_offset, 1 - n.distance AS similarity
  FROM nearest n JOIN document_chunks c ON c.id = n.id JOIN documents d ON d.id = c.document_id
 WHERE 1 - n.distance > match_threshold
 ORDER BY n.distance, c.id
$$;
