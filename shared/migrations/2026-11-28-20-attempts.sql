-- One row for each call of a model, whatever came of it: failed, interrupted and abandoned ones too.

ALTER TABLE agent_telemetry
    -- Of the message that it was made for, where that was recorded.
    ADD COLUMN message_id uuid,
    -- Which call of that question, from 1.
    ADD COLUMN attempt smallint NOT NULL DEFAULT 1,
    ADD COLUMN outcome text NOT NULL DEFAULT 'answered'
        CHECK (outcome IN ('answered', 'refused', 'failed', 'interrupted', 'abandoned')),
    -- Whether the provider did not say how many tokens, so that the most that it can have been is booked.
    ADD COLUMN estimated boolean NOT NULL DEFAULT false,
    ALTER COLUMN id SET DEFAULT gen_random_uuid();
