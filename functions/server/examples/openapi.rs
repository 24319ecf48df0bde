//! Prints the OpenAPI document; `scripts/openapi` keeps it in docs/openapi.json.

use std::io::Write;

fn main() -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(server::openapi()?.as_bytes())?)
}
