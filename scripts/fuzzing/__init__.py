"""`scripts/fuzz`: requests made from docs/openapi.json, each answer held to it, and every id tried by those it is not for."""
