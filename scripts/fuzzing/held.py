"""What the database holds, row by row: to see that nobody changed what is another's."""

from __future__ import annotations

import time
from dataclasses import dataclass

from local import postgres
from local.console import Fault, Progress

TABLES = """
SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'workspace_id' ORDER BY table_name
"""


@dataclass(frozen=True)
class Row:
    """One row of a tenant's."""

    table: str
    workspace: str
    digest: str


# What ingestion notes about a document while it waits for it.
KEPT_BY_INGESTION = "{attempts,check_after,generation,lease_until}"
WAITING_SECONDS_MAX = 120.0


def rows(cluster: postgres.Cluster, condition: str = "true") -> set[Row]:
    """Every such row of every tenant, once no document is being read any more."""
    with Progress("waiting for ingestion") as progress:
        while postgres.query(cluster, "SELECT 1 FROM documents WHERE status = 'processing' LIMIT 1"):
            if progress.seconds() > WAITING_SECONDS_MAX:
                raise Fault(f"documents are still being read after {WAITING_SECONDS_MAX:.0f} s")
            progress.tick()
            time.sleep(0.2)
    tables = postgres.query(cluster, TABLES).split()
    digest = f"md5((to_jsonb(row) - '{KEPT_BY_INGESTION}'::text[])::text)"
    each = (f"SELECT '{table}', workspace_id, {digest} FROM \"{table}\" AS row WHERE {condition}" for table in tables)
    return {Row(*line.split("|")) for line in postgres.query(cluster, " UNION ALL ".join(each)).splitlines()}


def rows_of(cluster: postgres.Cluster, users: list[str]) -> set[Row]:
    """The rows that carry the id of one of these people."""
    named = f"ARRAY[{','.join(repr(user) for user in users)}]"
    return rows(cluster, f"COALESCE(to_jsonb(row) ->> 'user_id', to_jsonb(row) ->> 'owner_id') = ANY ({named})")


def workspace_of(cluster: postgres.Cluster, external_id: str) -> str:
    """The key of the workspace of a person or an organisation."""
    return postgres.query(cluster, f"SELECT id FROM workspaces WHERE external_id = '{external_id}'").strip()
