-- The passages of one workspace that best answer a question: BM25 and vector candidates, fused, with the words and pages
-- that the answer needs.
--   $1 workspace  $2 distinct term hashes  $3 question vector or NULL  $4 candidates a side  $5 passages wanted
--   $6 standard or NULL  $7 effective on or after, or NULL  $8 document ids or NULL  $9 fuse by reciprocal ranks
-- The tenant guard binds every table here; the conditions on $1 would hold alone.
WITH workspace AS (
    SELECT chunks FROM workspaces WHERE id = $1
),
-- Only a search with filters pays for looking at documents; a posting or a chunk exists only for a ready one.
allowed AS MATERIALIZED (
    SELECT d.id FROM documents d
     WHERE ($6::text IS NOT NULL OR $7::date IS NOT NULL OR $8::uuid[] IS NOT NULL)
       AND d.workspace_id = $1 AND d.status = 'ready'
       AND ($6::text IS NULL OR d.standard = $6)
       AND ($7::date IS NULL OR d.effective_date >= $7)
       AND ($8::uuid[] IS NULL OR d.id = ANY ($8))
),
matched AS MATERIALIZED (
    SELECT p.term_hash, p.chunk_ids, p.weights FROM postings p
     WHERE p.workspace_id = $1 AND p.term_hash = ANY ($2::bigint[])
       AND (($6::text IS NULL AND $7::date IS NULL AND $8::uuid[] IS NULL) OR p.document_id IN (SELECT id FROM allowed))
),
-- BM25's inverse document frequency, from the postings that were read anyway.
frequency AS (
    SELECT term_hash,
           ln(1 + (GREATEST((SELECT chunks FROM workspace), sum(cardinality(chunk_ids))) - sum(cardinality(chunk_ids)) + 0.5)
                  / (sum(cardinality(chunk_ids)) + 0.5)) AS idf
      FROM matched GROUP BY term_hash
),
scored AS MATERIALIZED (
    SELECT each.id, sum(f.idf * each.weight)::float8 AS score
      FROM matched m JOIN frequency f USING (term_hash), unnest(m.chunk_ids, m.weights) AS each(id, weight)
     GROUP BY each.id
),
lexical AS (
    SELECT id, score, row_number() OVER (ORDER BY score DESC, id) AS rank
      FROM (SELECT id, score FROM scored ORDER BY score DESC, id LIMIT $4) best
),
-- Exact below 20,000 chunks (full recall at a few milliseconds), the HNSW index above; one of the two is never run.
nearest AS (
    (SELECT c.id, c.embedding <=> $3::float4[]::halfvec(384) AS distance FROM document_chunks c
      WHERE $3::float4[] IS NOT NULL AND (SELECT chunks FROM workspace) <= 20000 AND c.workspace_id = $1
        AND (($6::text IS NULL AND $7::date IS NULL AND $8::uuid[] IS NULL) OR c.document_id IN (SELECT id FROM allowed))
      ORDER BY (c.embedding <=> $3::float4[]::halfvec(384)) + 0 LIMIT $4)
    UNION ALL
    (SELECT c.id, c.embedding <=> $3::float4[]::halfvec(384) AS distance FROM document_chunks c
      WHERE $3::float4[] IS NOT NULL AND (SELECT chunks FROM workspace) > 20000 AND c.workspace_id = $1
        AND (($6::text IS NULL AND $7::date IS NULL AND $8::uuid[] IS NULL) OR c.document_id IN (SELECT id FROM allowed))
      ORDER BY c.embedding <=> $3::float4[]::halfvec(384) LIMIT $4)
),
vectored AS (
    SELECT id, 1 - distance AS similarity, row_number() OVER (ORDER BY distance, id) AS rank FROM nearest
),
-- Each candidate gets both scores, whichever list found it: what makes the comparison fair.
candidates AS (
    SELECT ids.id, l.rank AS lexical_rank, v.rank AS vector_rank, COALESCE(s.score, 0) AS lexical,
           CASE WHEN $3::float4[] IS NOT NULL THEN COALESCE(v.similarity, 1 - (c.embedding <=> $3::float4[]::halfvec(384))) END
               AS similarity
      FROM (SELECT id FROM lexical UNION SELECT id FROM vectored) ids
      JOIN document_chunks c ON c.id = ids.id AND c.workspace_id = $1
      LEFT JOIN lexical l ON l.id = ids.id
      LEFT JOIN vectored v ON v.id = ids.id
      LEFT JOIN scored s ON s.id = ids.id
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
)
SELECT c.document_id, d.title, c.start_offset, c.content, best.score, best.similarity, best.lexical,
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
 ORDER BY best.score DESC, best.id
