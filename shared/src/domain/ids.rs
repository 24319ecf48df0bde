//! Identifiers, each its own type, so that a query that takes two of them cannot swap them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Declares a newtype over a version 7 UUID: time-ordered, so that new rows land together in an index.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier, unique and later than the ones before it.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // The library takes other spellings too; one thing has one address.
                let spelt = if text.len() == 36 { text } else { "" };
                spelt.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// One document of a workspace.
    DocumentId
);
uuid_id!(
    /// One conversation of a user.
    ConversationId
);
uuid_id!(
    /// One question with its answer.
    MessageId
);
