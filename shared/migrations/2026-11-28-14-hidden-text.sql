-- Characters that a document's file holds and nobody who looks at its pages sees: left out of its text, and counted.

ALTER TABLE documents ADD COLUMN hidden_characters integer;
