-- References stay within the tenant. A foreign key is checked past row-level security: without the tenant in it, a row could
-- be hung on another tenant's document or another person's conversation.

ALTER TABLE documents ADD CONSTRAINT documents_tenant_key UNIQUE (workspace_id, id);
ALTER TABLE pages
    DROP CONSTRAINT pages_document_id_fkey,
    ADD CONSTRAINT pages_document_fkey
        FOREIGN KEY (workspace_id, document_id) REFERENCES documents (workspace_id, id) ON DELETE CASCADE;
ALTER TABLE document_chunks
    DROP CONSTRAINT document_chunks_document_id_fkey,
    ADD CONSTRAINT document_chunks_document_fkey
        FOREIGN KEY (workspace_id, document_id) REFERENCES documents (workspace_id, id) ON DELETE CASCADE;
ALTER TABLE postings
    DROP CONSTRAINT postings_document_id_fkey,
    ADD CONSTRAINT postings_document_fkey
        FOREIGN KEY (workspace_id, document_id) REFERENCES documents (workspace_id, id) ON DELETE CASCADE;

ALTER TABLE conversations ADD CONSTRAINT conversations_person_key UNIQUE (workspace_id, user_id, id);
ALTER TABLE messages
    DROP CONSTRAINT messages_conversation_id_fkey,
    ADD CONSTRAINT messages_conversation_fkey
        FOREIGN KEY (workspace_id, user_id, conversation_id) REFERENCES conversations (workspace_id, user_id, id)
        ON DELETE CASCADE;

-- The new keys' indexes serve the lists too, read backwards.
DROP INDEX documents_workspace_idx;
DROP INDEX conversations_user_idx;
