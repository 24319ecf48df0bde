-- The passages of one workspace that best answer a question: BM25 and vector candidates, fused, with the words and pages
-- that the answer needs; beside each, how many candidates either side brought, and whether vectors are missing. One row at least.
--   $1 workspace  $2 distinct term hashes  $3 question vector or NULL  $4 candidates a side  $5 passages wanted
--   $6 standard or NULL  $7 effective on or after, or NULL  $8 document ids or NULL  $9 fuse by reciprocal ranks
--   $10 languages and $11 terms for documents in them, pair by pair  $12 the model that made the vector
-- The tenant guard binds every table here; the conditions on $1 would hold alone.
WITH workspace AS MATERIALIZED (
    SELECT chunks, languages FROM workspaces WHERE id = $1
),
-- Only a search with filters pays for looking at documents; a posting or a chunk exists only for a ready one.
allowed AS MATERIALIZED (
    SELECT d.id, d.chunks FROM documents d
     WHERE ($6::text IS NOT NULL OR $7::date IS NOT NULL OR $8::uuid[] IS NOT NULL)
       AND d.workspace_id = $1 AND d.status = 'ready'
       AND ($6::text IS NULL OR d.standard = $6)
       AND ($7::date IS NULL OR d.effective_date >= $7)
       AND ($8::uuid[] IS NULL OR d.id = ANY ($8))
),
-- How many chunks are searched, and whether the vector index pays: exactly is about a microsecond a chunk, and by the index
-- about a millisecond for each time that these chunks fit into the whole table. Up to 50,000 nothing may be left out.
extent AS MATERIALIZED (
    SELECT chunks, chunks > 50000
                   AND chunks::float8 * chunks > 1000 * (SELECT reltuples FROM pg_class WHERE oid = 'document_chunks'::regclass)
                   AS by_index
      FROM (SELECT CASE WHEN $6::text IS NULL AND $7::date IS NULL AND $8::uuid[] IS NULL THEN (SELECT chunks FROM workspace)
                        ELSE (SELECT sum(chunks) FROM allowed) END AS chunks) counted
),
-- Documents whose vectors another model made: words find them, vectors cannot.
strange AS MATERIALIZED (
    SELECT id FROM documents
     WHERE $3::float4[] IS NOT NULL AND workspace_id = $1 AND status = 'ready' AND embedding_model < $12
    UNION ALL
    SELECT id FROM documents
     WHERE $3::float4[] IS NOT NULL AND workspace_id = $1 AND status = 'ready' AND embedding_model > $12
),
-- A question is stemmed by the rules of the languages that are there.
terms AS MATERIALIZED (
    SELECT $2::bigint[] || COALESCE((SELECT array_agg(each.term) FROM unnest($10::text[], $11::bigint[]) AS each(language, term)
                                      WHERE each.language = ANY (workspace.languages)), '{}') AS hashes
      FROM workspace
),
matched AS MATERIALIZED (
    SELECT p.term_hash, p.chunk_ids, p.weights FROM postings p
     WHERE p.workspace_id = $1 AND p.term_hash = ANY ((SELECT hashes FROM terms)::bigint[])
       AND (($6::text IS NULL AND $7::date IS NULL AND $8::uuid[] IS NULL) OR p.document_id IN (SELECT id FROM allowed))
),
-- BM25's inverse document frequency, from the postings that were read anyway.
frequency AS (
    SELECT term_hash, ln(1 + (GREATEST((SELECT chunks FROM extent), held) - held + 0.5) / (held + 0.5)) AS idf
      FROM (SELECT term_hash, sum(cardinality(chunk_ids)) AS held FROM matched GROUP BY term_hash) counted
),
scored AS (
    SELECT each.id, sum(f.idf * each.weight)::float8 AS score
      FROM matched m JOIN frequency f USING (term_hash), unnest(m.chunk_ids, m.weights) AS each(id, weight)
     GROUP BY each.id
),
lexical AS MATERIALIZED (
    SELECT id, score, row_number() OVER (ORDER BY score DESC, id) AS rank
      FROM (SELECT id, score FROM scored ORDER BY score DESC, id LIMIT $4) best
),
-- By the HNSW index, which goes on until it has enough of this workspace's, or gives up.
approximate AS MATERIALIZED (
    SELECT c.id, c.embedding <=> $3::float4[]::halfvec(384) AS distance FROM document_chunks c
     WHERE $3::float4[] IS NOT NULL AND (SELECT by_index FROM extent) AND c.workspace_id = $1
       AND (($6::text IS NULL AND $7::date IS NULL AND $8::uuid[] IS NULL) OR c.document_id IN (SELECT id FROM allowed))
       AND c.document_id NOT IN (SELECT id FROM strange)
     ORDER BY c.embedding <=> $3::float4[]::halfvec(384) LIMIT $4
),
-- Or exactly, also where the index gave up. A search with filters comes by its documents.
nearest AS (
    SELECT id, distance FROM approximate WHERE (SELECT count(*) FROM approximate) >= $4
    UNION ALL
    (SELECT c.id, c.embedding <=> $3::float4[]::halfvec(384) AS distance FROM document_chunks c
      WHERE $3::float4[] IS NOT NULL AND (SELECT count(*) FROM approximate) < $4 AND c.workspace_id = $1
        AND $6::text IS NULL AND $7::date IS NULL AND $8::uuid[] IS NULL
        AND c.document_id NOT IN (SELECT id FROM strange)
      ORDER BY (c.embedding <=> $3::float4[]::halfvec(384)) + 0 LIMIT $4)
    UNION ALL
    (SELECT c.id, c.embedding <=> $3::float4[]::halfvec(384) AS distance
       FROM allowed JOIN document_chunks c ON c.document_id = allowed.id
      WHERE $3::float4[] IS NOT NULL AND (SELECT count(*) FROM approximate) < $4 AND c.workspace_id = $1
        AND c.document_id NOT IN (SELECT id FROM strange)
      ORDER BY (c.embedding <=> $3::float4[]::halfvec(384)) + 0 LIMIT $4)
),
vectored AS MATERIALIZED (
    SELECT id, 1 - distance AS similarity, row_number() OVER (ORDER BY distance, id) AS rank FROM nearest
),
-- Each candidate of the words gets its vector's score too, whichever list found it: what makes the comparison fair. A candidate
-- of the vectors that is none of the words' counts as one without the words.
candidates AS (
    SELECT id, lexical_rank, vector_rank, lexical,
           CASE WHEN $3::float4[] IS NOT NULL
                THEN COALESCE(similarity, (SELECT 1 - (c.embedding <=> $3::float4[]::halfvec(384)) FROM document_chunks c
                                            WHERE c.id = each.id AND c.workspace_id = $1
                                              AND c.document_id NOT IN (SELECT id FROM strange)))
            END AS similarity
      FROM (SELECT id, max(lexical_rank) AS lexical_rank, max(vector_rank) AS vector_rank, max(lexical) AS lexical,
                   max(similarity) AS similarity
              FROM (SELECT id, rank AS lexical_rank, NULL::bigint AS vector_rank, score AS lexical, NULL::float8 AS similarity
                      FROM lexical
                     UNION ALL
                    SELECT id, NULL, rank, 0, similarity FROM vectored) either
             GROUP BY id) each
),
fused AS (
    SELECT id, lexical, similarity,
           CASE WHEN $9 THEN COALESCE(1.0 / (60 + lexical_rank), 0) + COALESCE(1.0 / (60 + vector_rank), 0)
                ELSE 0.5 * COALESCE((lexical - avg(lexical) OVER ()) / NULLIF(stddev_pop(lexical) OVER (), 0), 0)
                   + 0.5 * COALESCE((similarity - avg(similarity) OVER ()) / NULLIF(stddev_pop(similarity) OVER (), 0), 0)
           END::float8 AS score
      FROM candidates
),
best AS (
    SELECT * FROM fused ORDER BY score DESC, id LIMIT $5
),
found AS (
    SELECT best.id, c.document_id, d.title, c.start_offset, c.content, best.score, best.similarity, best.lexical,
           spans.numbers, spans.starts, spans.ends
      FROM best
      JOIN document_chunks c ON c.id = best.id AND c.workspace_id = $1
      JOIN documents d ON d.id = c.document_id AND d.workspace_id = $1 AND d.status = 'ready'
     CROSS JOIN LATERAL (
        SELECT array_agg(p.number ORDER BY p.number) AS numbers, array_agg(p.start_offset ORDER BY p.number) AS starts,
               array_agg(p.end_offset ORDER BY p.number) AS ends
          FROM pages p
         WHERE p.document_id = c.document_id AND p.workspace_id = $1
           AND p.start_offset < c.end_offset AND p.end_offset > c.start_offset
     ) spans
)
SELECT (SELECT count(*) FROM lexical) AS lexical_count, (SELECT count(*) FROM vectored) AS vector_count,
       EXISTS (SELECT FROM strange) AS is_partial, found.*
  FROM (SELECT) once LEFT JOIN found ON true
 ORDER BY found.score DESC, found.id
