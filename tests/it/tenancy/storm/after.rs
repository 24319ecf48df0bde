//! What is looked at besides answers: what a program sees that sets no tenant, and what the tables hold afterwards.

use std::collections::{HashMap, HashSet};

use harness::holdings::{Holding, Table, tables};
use serde_json::Value;
use shared::domain::caller::UserId;

use super::{
    Guards, Storm,
    ground::{Ground, connect},
};

/// What a stranger may count.
const TABLES: [&str; 7] =
    ["workspaces", "users", "documents", "pages", "document_chunks", "conversations", "messages"];

/// Looks as another program of the same role at the same pooler, which sets no tenant. None: the look was cut off.
pub async fn stranger(storm: &Storm, ground: &Ground) -> Option<Result<(), String>> {
    let client = connect(ground.strangers_url()).await?;
    let setting = "SELECT COALESCE(current_setting('app.workspace_id', true), '')";
    let left: String = client.query_typed_one(setting, &[]).await.ok()?.get(0);
    if !left.is_empty() {
        return Some(Err(format!("the connection is still bound to {left}")));
    }
    if matches!(storm.guards, Guards::NoPolicies | Guards::None) {
        // Nothing would keep a stranger from seeing rows.
        return Some(Ok(()));
    }
    let counts = TABLES.map(|table| format!("(SELECT count(*) FROM {table})")).join(" + ");
    let rows: i64 = client.query_typed_one(&format!("SELECT {counts}"), &[]).await.ok()?.get(0);
    Some(if rows == 0 { Ok(()) } else { Err(format!("{rows} rows were to be seen")) })
}

/// Every row is of a person who is in its workspace, and holds no words but that workspace's; a row of no workspace holds
/// nobody's.
pub async fn no_row_mixes_tenants(ground: &Ground) {
    let mut people: HashMap<&str, HashSet<String>> = HashMap::new();
    for holding in &ground.holdings {
        let hashed = UserId::parse(&holding.user).expect("a user's id").hashed();
        people.entry(&holding.workspace).or_default().extend([holding.user.clone(), hashed]);
    }
    let words = ground.holdings.iter().flat_map(|holding| {
        let Holding { secret, document, conversation, workspace, .. } = holding;
        [secret, document, conversation].map(|word| (word.as_str(), workspace.as_str()))
    });
    let owners: Vec<(&str, &str)> = words.collect();
    let mut looked_at = 0;
    for Table { name, tenant, .. } in tables(&ground.superuser).await {
        // A vector says nothing and is long.
        let sql = format!("SELECT {tenant}::text, to_jsonb(t) - 'embedding' FROM {name} t");
        for row in ground.superuser.query(&sql, &[]).await.expect("all rows") {
            let (workspace, row): (Option<String>, Value) = (row.get(0), row.get(1));
            let workspace = workspace.unwrap_or_default();
            let members = people.get(workspace.as_str());
            assert!(workspace.is_empty() || members.is_some(), "nobody's workspace in {name}: {row}");
            for column in ["user_id", "owner_id", "actor"] {
                let is_member = |person| members.is_none_or(|members| members.contains(person));
                assert!(row[column].as_str().is_none_or(is_member), "a stranger's row in {name}: {row}");
            }
            let text = row.to_string();
            let foreign = owners.iter().find(|(word, owner)| *owner != workspace && text.contains(word));
            assert!(foreign.is_none(), "{name} holds {foreign:?}: {text}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 12 * ground.holdings.len(), "{looked_at} rows");
}
