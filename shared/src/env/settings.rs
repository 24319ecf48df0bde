//! The table of every setting. `.env.example` holds the same list; a test compares them.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable, and the secret's member.
    pub name: &'static str,
    /// What counts where it is not set.
    pub default: Option<&'static str>,
    /// What it is, in a sentence.
    pub about: &'static str,
}

const fn setting(name: &'static str, default: Option<&'static str>, about: &'static str) -> Setting {
    Setting { name, default, about }
}

/// Every setting that the bundle reads.
pub const SETTINGS: &[Setting] = &[
    setting("DATABASE_URL", None, "Postgres as the role footnote_app (ingest and retention: footnote_jobs)."),
    setting("DATABASE_JOBS_URL", None, "One process only: Postgres as footnote_jobs, for its claim loop."),
    setting("DATABASE_DIRECT_URL", None, "Postgres as footnote_owner, past any pooler: migrations only."),
    setting(
        "DATABASE_MAX_CONNECTIONS",
        Some("2"),
        "Pool size; 1 or 2 per Lambda environment, 20 in one process.",
    ),
    setting(
        "DATABASE_CA_FILE",
        None,
        "PEM file of further certificate authorities for Postgres, such as Amazon RDS's.",
    ),
    setting("BUCKET", None, "The bucket that holds the documents."),
    setting("AWS_ENDPOINT_URL", None, "Another S3 and Secrets Manager than Amazon's, such as a local one."),
    setting("SECRETS_ID", None, "Secrets Manager secret: a JSON object whose members are these settings."),
    setting(
        "SECRETS_TTL_S",
        Some("300"),
        "After so many seconds the next request has the secret fetched again, without waiting for it.",
    ),
    setting("CLERK_ISSUER", None, "Issuer that session tokens must name, such as https://clerk.example.com."),
    setting(
        "CLERK_JWKS_URL",
        None,
        "Where the signing keys are; default: the issuer's /.well-known/jwks.json.",
    ),
    setting("CLERK_JWT_KEY", None, "The signing key as PEM: no key is fetched then."),
    setting(
        "CLERK_AUTHORIZED_PARTIES",
        None,
        "Comma-separated origins that the azp claim may name; unset: any.",
    ),
    setting(
        "CLERK_AUDIENCES",
        None,
        "Comma-separated values of which the aud claim must hold one, where a token has it; unset: none may have it.",
    ),
    setting(
        "CHAT_MODELS",
        None,
        "Models in order of preference, such as groq:NAME,anthropic:NAME; unset: by the keys set.",
    ),
    setting(
        "CHAT_MODELS_CHEAP",
        None,
        "Models that come first for simple questions, the others after them; unset: CHAT_MODELS answer all.",
    ),
    setting(
        "ROUTING_THRESHOLD",
        Some("0.5"),
        "Complexity, 0 to 1, from which a question is not a simple one.",
    ),
    setting(
        "MODEL_PRICES",
        None,
        "Dollars per million tokens where the built-in list is wrong: NAME=INPUT/OUTPUT,…",
    ),
    setting(
        "BUDGET_USD_PER_DAY_USER",
        None,
        "Dollars that one person's questions may cost in a day (UTC); unset: no cap.",
    ),
    setting("BUDGET_USD_PER_MONTH_USER", None, "The same in a calendar month."),
    setting(
        "BUDGET_USD_PER_DAY_WORKSPACE",
        None,
        "Dollars that one workspace's questions may cost in a day; unset: no cap.",
    ),
    setting("BUDGET_USD_PER_MONTH_WORKSPACE", None, "The same in a calendar month."),
    setting(
        "BUDGET_USD_PER_DAY_TOTAL",
        None,
        "Dollars that all questions together may cost in a day; unset: no cap.",
    ),
    setting("BUDGET_USD_PER_MONTH_TOTAL", None, "The same in a calendar month."),
    setting("AI_PROVIDER", None, "groq, anthropic or openai: the provider to prefer."),
    setting("GROQ_API_KEY", None, "Key for Groq."),
    setting(
        "GROQ_BASE_URL",
        Some("https://api.groq.com/openai/v1"),
        "Groq's endpoint, or one that speaks like it.",
    ),
    setting("ANTHROPIC_API_KEY", None, "Key for Anthropic."),
    setting(
        "ANTHROPIC_BASE_URL",
        Some("https://api.anthropic.com"),
        "Anthropic's endpoint, or one that speaks like it.",
    ),
    setting("OPENAI_API_KEY", None, "Key for OpenAI."),
    setting(
        "OPENAI_BASE_URL",
        Some("https://api.openai.com/v1"),
        "OpenAI's endpoint, or one that speaks like it.",
    ),
    setting("VOYAGE_API_KEY", None, "Key for Voyage."),
    setting(
        "VOYAGE_BASE_URL",
        Some("https://api.voyageai.com/v1"),
        "Voyage's endpoint, or one that speaks like it.",
    ),
    setting(
        "EMBEDDINGS",
        Some("local"),
        "local (all-MiniLM-L6-v2 in this process), openai:NAME or voyage:NAME, of models that can shorten their vectors.",
    ),
    setting(
        "EMBEDDER_DIR",
        Some("/opt/footnote/model"),
        "Folder of the local embedder's weights and tokenizer.",
    ),
    setting("PDFIUM_LIBRARY", None, "libpdfium's file; unset: beside the program, else the built-in reader."),
    setting("PAGES_PROGRAM", None, "Program that reads PDF pages in a process of its own; unset: this one."),
    setting("TOP_K", Some("8"), "Passages given to the model, unless a request asks for another count."),
    setting(
        "MATCH_THRESHOLD",
        Some("0.2"),
        "A question whose closest passage has a lower cosine similarity is refused: it is about something else.",
    ),
    setting(
        "PROMPT_TOKENS",
        Some("3000"),
        "Estimated tokens of all passages together, given to the model at most.",
    ),
    setting("FUSION", Some("zscore"), "zscore or rrf: how lexical and vector ranks become one."),
    setting("HISTORY_TURNS", Some("6"), "Earlier turns of a conversation that the model sees."),
    setting(
        "HISTORY_TOKENS",
        Some("2000"),
        "Estimated tokens of those turns, given to the model at most; the oldest are left out.",
    ),
    setting("STRICT_QUERY", Some("false"), "true: questions of at most 1,000 plain characters."),
    setting("USE_SIMPLIFIED_PROMPT", Some("false"), "true: answers of at most 75 words."),
    setting("DISABLE_VECTOR_SEARCH", Some("false"), "true: full-text search only."),
    setting(
        "RATE_LIMITS",
        Some(
            "chat.user=100/1h,10/10s; upload.user=20/1h; documents.user=600/1h,60/10s; \
             conversations.user=600/1h,60/10s; delete.user=5/1h; \
             anonymous.ip=30/1m; requests.ip=1000/1h",
        ),
        "Policies as name=limit/window,…; separated by semicolons. One that is not named keeps its default.",
    ),
    setting(
        "ADDRESS_REQUESTS_AT_ONCE",
        Some("10"),
        "One process only: how many requests of one address may run at once.",
    ),
    setting(
        "TRUSTED_PROXIES",
        None,
        "Comma-separated addresses or networks of proxies whose X-Forwarded-For names the client; unset: nobody's.",
    ),
    setting(
        "UPSTASH_REDIS_REST_URL",
        None,
        "Redis that counts requests, by REST; unset: each process counts alone.",
    ),
    setting("UPSTASH_REDIS_REST_TOKEN", None, "Token for UPSTASH_REDIS_REST_URL."),
    setting(
        "REDIS_TIMEOUT_MS",
        Some("150"),
        "What a request may wait for Redis; then each process counts alone, at a fifth.",
    ),
    setting(
        "REQUIRE_REDIS",
        Some("false"),
        "true: requests are refused with 503, rather than counted by each process, while Redis is away.",
    ),
    setting(
        "MAINTENANCE_MODE",
        Some("false"),
        "true: everything but health answers 503 until it is false again.",
    ),
    setting("DISABLE_CHAT", Some("false"), "true: questions answer 503."),
    setting(
        "DISABLE_UPLOADS",
        Some("false"),
        "true: taking documents in answers 503; what is there stays readable.",
    ),
    setting(
        "CORS_ALLOWED_ORIGINS",
        None,
        "Comma-separated origins whose pages may call, such as https://app.example.com.",
    ),
    setting(
        "REQUEST_TIMEOUT_MS",
        Some("25000"),
        "Within which a question is answered, whatever is down or slow; the HTTP API gives up after 29 s.",
    ),
    setting(
        "AUDIT_RETENTION_DAYS",
        Some("365"),
        "How long rows of the audit log are kept, 30 days at least; the retention function deletes older ones.",
    ),
    setting(
        "AUDIT_TIMEOUT_MS",
        Some("200"),
        "What writing a failed sign-in may take; the caller is turned away all the same.",
    ),
    setting(
        "LISTEN_ADDR",
        Some("127.0.0.1:8080"),
        "One process only: where it listens; port 0 takes a free one.",
    ),
    setting(
        "DEV_SIGNING_KEY_FILE",
        None,
        "Development only: signs session tokens for the page; loopback only.",
    ),
    setting("LOG_LEVEL", Some("info"), "error, warn, info, debug or trace."),
];
