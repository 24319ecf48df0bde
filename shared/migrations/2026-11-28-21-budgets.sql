-- What may still be spent on models: what was spent today and this month (UTC), and what is reserved for calls under way. The
-- application's roles are granted nothing on these tables: two functions reserve and settle, for whom the transaction is bound to.

CREATE TABLE budgets (
    scope        text NOT NULL CHECK (scope IN ('user', 'workspace', 'total')),
    -- The person, in whichever workspace; the workspace; '' for everybody together.
    holder       text NOT NULL,
    workspace_id uuid,
    user_id      text,
    -- What follows each is of that day and of the month that begins with that one; an older one counts as nothing spent.
    day          date NOT NULL,
    day_usd      double precision NOT NULL CHECK (day_usd >= 0),
    month        date NOT NULL,
    month_usd    double precision NOT NULL CHECK (month_usd >= 0),
    PRIMARY KEY (scope, holder),
    CHECK (holder = COALESCE(workspace_id::text, user_id, ''))
);
CALL guard_table('budgets', 'workspace_id', true);

CREATE TABLE budget_reservations (
    workspace_id uuid NOT NULL,
    user_id      text NOT NULL,
    -- The message's.
    id           uuid NOT NULL,
    amount_usd   double precision NOT NULL CHECK (amount_usd >= 0),
    -- From then on it does not count: whoever made it is gone.
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, user_id, id)
);
CALL guard_table('budget_reservations', 'workspace_id', true);
CREATE INDEX budget_reservations_expiry_idx ON budget_reservations (expires_at);

-- Adds to what one holder has spent, and keeps their row until the transaction ends: whoever asks for it next waits. The next
-- day or month begins at nothing.
CREATE FUNCTION budget_charge(p_scope text, p_usd double precision) RETURNS budgets
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
INSERT INTO budgets AS b (scope, holder, workspace_id, user_id, day, day_usd, month, month_usd)
SELECT p_scope, COALESCE(whose.workspace_id::text, whose.user_id, ''), whose.workspace_id, whose.user_id,
       today, p_usd, date_trunc('month', today)::date, p_usd
  FROM (SELECT CASE p_scope WHEN 'workspace' THEN current_workspace() END AS workspace_id,
               CASE p_scope WHEN 'user' THEN current_person() END AS user_id,
               (now() AT TIME ZONE 'UTC')::date AS today) AS whose
ON CONFLICT (scope, holder) DO UPDATE
   SET day_usd   = excluded.day_usd + CASE WHEN b.day >= excluded.day THEN b.day_usd ELSE 0 END,
       day       = GREATEST(b.day, excluded.day),
       month_usd = excluded.month_usd + CASE WHEN b.month >= excluded.month THEN b.month_usd ELSE 0 END,
       month     = GREATEST(b.month, excluded.month)
RETURNING b.*
$$;

-- Reserves the first of `p_offers` (dollars, the most first) that fits under all caps, for at most `p_seconds`; answers which,
-- from 1. None fits: answers, of the caps in the way, the one that lasts longest. `p_limits` are the caps in dollars: of a day and of
-- a month for the person, the workspace and everybody; NULL is no cap. Rows are always taken in that order, so that no two
-- wait for each other.
CREATE FUNCTION budget_reserve(
    p_id uuid, p_offers double precision[], p_limits double precision[], p_seconds double precision
) RETURNS TABLE (
    offer integer, scope text, period text, limit_usd double precision, left_usd double precision, resets_at timestamptz
)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    scopes   constant text[] := ARRAY['user', 'workspace', 'total'];
    smallest constant double precision := (SELECT min(o) FROM unnest(p_offers) AS o);
    free     double precision := 'Infinity';
    budget   budgets;
    reserved double precision;
    barred   record;
    until    timestamptz := '-infinity';
    cap      record;
BEGIN
    FOR place IN 1 .. 3 LOOP
        CONTINUE WHEN p_limits[2 * place - 1] IS NULL AND p_limits[2 * place] IS NULL;
        budget := budget_charge(scopes[place], 0);
        -- A statement of its own, so that it sees what those did for whom this one waited.
        SELECT COALESCE(sum(r.amount_usd), 0) INTO reserved FROM budget_reservations r
         WHERE r.expires_at > now()
           AND CASE place WHEN 1 THEN r.user_id = current_person() WHEN 2 THEN r.workspace_id = current_workspace() ELSE true END;
        FOR cap IN
            SELECT scopes[place] AS scope, c.period, c.limit_usd, GREATEST(c.limit_usd - c.spent_usd - reserved, 0) AS left_usd,
                   (c.resets_on::timestamp AT TIME ZONE 'UTC') AS resets_at
              FROM (VALUES ('day', p_limits[2 * place - 1], budget.day_usd, budget.day + interval '1 day'),
                           ('month', p_limits[2 * place], budget.month_usd, budget.month + interval '1 month'))
                   AS c (period, limit_usd, spent_usd, resets_on)
             WHERE c.limit_usd IS NOT NULL
        LOOP
            free := LEAST(free, cap.left_usd);
            IF cap.left_usd < smallest AND cap.resets_at > until THEN
                barred := cap;
                until := cap.resets_at;
            END IF;
        END LOOP;
    END LOOP;
    offer := (SELECT min(o.at) FROM unnest(p_offers) WITH ORDINALITY AS o (usd, at) WHERE o.usd <= free);
    IF offer IS NOT NULL THEN
        INSERT INTO budget_reservations AS r (workspace_id, user_id, id, amount_usd, expires_at)
        VALUES (current_workspace(), current_person(), p_id, p_offers[offer], now() + make_interval(secs => p_seconds))
        ON CONFLICT (workspace_id, user_id, id) DO UPDATE SET amount_usd = r.amount_usd + excluded.amount_usd;
        RETURN QUERY SELECT offer, NULL::text, NULL::text, NULL::double precision, NULL::double precision, NULL::timestamptz;
    ELSE
        RETURN QUERY SELECT NULL::integer, barred.scope, barred.period, barred.limit_usd, barred.left_usd, barred.resets_at;
    END IF;
END
$$;

-- What was reserved becomes what was spent, and the rest is free again.
CREATE FUNCTION budget_settle(p_id uuid, p_usd double precision, p_limits double precision[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    scopes constant text[] := ARRAY['user', 'workspace', 'total'];
BEGIN
    FOR place IN 1 .. 3 LOOP
        CONTINUE WHEN p_limits[2 * place - 1] IS NULL AND p_limits[2 * place] IS NULL;
        PERFORM budget_charge(scopes[place], p_usd);
    END LOOP;
    DELETE FROM budget_reservations r
     WHERE r.workspace_id = current_workspace() AND r.user_id = current_person() AND r.id = p_id;
END
$$;

-- Deletes up to `p_limit` reservations that expired before `p_before`, and budgets of months before its, of every tenant; answers how
-- many rows went. One that is being used stays for the next time.
CREATE FUNCTION job_expire_budgets(p_before timestamptz, p_limit integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
WITH gone_reservations AS (
    DELETE FROM budget_reservations
     WHERE (workspace_id, user_id, id) IN
           (SELECT workspace_id, user_id, id FROM budget_reservations WHERE expires_at < p_before
             LIMIT p_limit FOR UPDATE SKIP LOCKED)
    RETURNING 1
),
gone_budgets AS (
    DELETE FROM budgets
     WHERE (scope, holder) IN
           (SELECT scope, holder FROM budgets WHERE month < date_trunc('month', p_before AT TIME ZONE 'UTC')::date
             LIMIT p_limit FOR UPDATE SKIP LOCKED)
    RETURNING 1
)
SELECT (SELECT count(*) FROM gone_reservations) + (SELECT count(*) FROM gone_budgets)
$$;

-- What a person spent is theirs and goes with the account; what their workspaces and everybody spent stays spent. It goes first: the
-- record of a question takes these rows first too, so that the two do not wait for each other.
CREATE OR REPLACE FUNCTION person_delete() RETURNS TABLE (documents bigint, conversations bigint, query_logs bigint, model_calls bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DELETE FROM budgets WHERE scope = 'user' AND holder = current_person();
DELETE FROM budget_reservations WHERE user_id = current_person();
WITH gone_documents AS (DELETE FROM documents WHERE owner_id = current_person() RETURNING 1),
gone_conversations AS (DELETE FROM conversations WHERE user_id = current_person() RETURNING 1),
gone_logs AS (DELETE FROM query_logs WHERE user_id = current_person() RETURNING 1),
gone_calls AS (DELETE FROM agent_telemetry WHERE user_id = current_person() RETURNING 1),
gone_keys AS (DELETE FROM idempotency_keys WHERE user_id = current_person()),
gone_person AS (DELETE FROM users WHERE user_id = current_person())
SELECT (SELECT count(*) FROM gone_documents), (SELECT count(*) FROM gone_conversations),
       (SELECT count(*) FROM gone_logs), (SELECT count(*) FROM gone_calls)
$$;

REVOKE ALL ON FUNCTION budget_charge, budget_reserve, budget_settle, job_expire_budgets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION budget_reserve, budget_settle TO footnote_app;
GRANT EXECUTE ON FUNCTION job_expire_budgets TO footnote_jobs;
