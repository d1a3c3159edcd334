"""Every table, as the newest migration leaves it.

Rules of all of them: times are whole Unix milliseconds, money is whole nano-dollars, prices are pico-dollars a token;
facts that only their owner reads are JSON text. Whoever changes a table here adds a migration that brings a database of
the version before to the same shape; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()

RowId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite makes only `INTEGER PRIMARY KEY` the row's own number, and that holds 64 bits there."""

# --- accounts ------------------------------------------------------------------------------------------------------

people = Table(
    "people",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String, unique=True),
    Column("created_ms", BigInteger, nullable=False),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("organisation", ForeignKey("organisations.id"), primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True),
    Column("role", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("organisation", ForeignKey("organisations.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("organisation", "name"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("project", ForeignKey("projects.id"), nullable=False),
    Column("created_by", ForeignKey("people.id")),
    Column("name", String, nullable=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("prefix", String, nullable=False),
    Column("exposure", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)

# --- nodes and providers -------------------------------------------------------------------------------------------

nodes = Table(
    "nodes",
    metadata,
    Column("id", String, primary_key=True),
    Column("organisation", ForeignKey("organisations.id"), nullable=False),
    Column("owner", ForeignKey("people.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("pool", String, nullable=False),
    Column("public_key", LargeBinary(32), nullable=False, unique=True),
    Column("key_id", String, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("epoch", BigInteger, nullable=False, default=0, server_default="0"),
    Column("link_secret_current", LargeBinary(32)),
    Column("link_secret_previous", LargeBinary(32)),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger),
    Column("suspended_ms", BigInteger),
    Column("suspended_reason", String),
    Column("revoked_ms", BigInteger),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("device_code_hash", LargeBinary(32), primary_key=True),
    Column("user_code", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("pkce_challenge", String),
    Column("loopback_port", Integer),
    Column("address", String),
    Column("tries", SmallInteger, nullable=False, default=0, server_default="0"),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("approved_by", ForeignKey("people.id")),
    Column("organisation", ForeignKey("organisations.id")),
    Column("node", ForeignKey("nodes.id")),
)

enrolment_tokens = Table(
    "enrolment_tokens",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("organisation", ForeignKey("organisations.id"), nullable=False),
    Column("created_by", ForeignKey("people.id"), nullable=False),
    Column("pool", String, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

providers = Table(
    "providers",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("base_url", String, nullable=False),
    Column("secret", String, nullable=False),
    Column("models", JSON, nullable=False),
    Column("prices", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled_ms", BigInteger),
)

catalogue_models = Table(
    "catalogue_models",
    metadata,
    Column("id", String, primary_key=True),
    Column("entry", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("retired_ms", BigInteger),
)
"""Models the network wants on nodes; `entry` says which file each is, where it is, and what its tokens cost."""

rules = Table(
    "rules",
    metadata,
    Column("organisation", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("rule", JSON, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)
"""What an organisation, a key or a model allows its calls; `subject` is a key's number or a model's name."""

presets = Table(
    "presets",
    metadata,
    Column("organisation", BigInteger, primary_key=True, autoincrement=False),
    Column("slug", String, primary_key=True),
    Column("fields", JSON, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)
"""Fields of a request that calls take over by naming `@preset/SLUG` as their model."""

relay_identity = Table(
    "relay_identity",
    metadata,
    Column("id", String, primary_key=True),
    Column("private_key", LargeBinary(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

# --- ledger and usage ----------------------------------------------------------------------------------------------

ledger_accounts = Table(
    "ledger_accounts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("balance", BigInteger, nullable=False, default=0, server_default="0"),
)
"""`balance` is the fold of the account's entries, kept in the same transaction as they are posted."""

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("source", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("account", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Append-only. (`source`, `kind`) names a transaction: the call or deposit it comes from and what it does; being the
key, it makes each posting happen once. No foreign key to the account: a look-up a row, on the busiest table."""

ledger_holds = Table(
    "ledger_holds",
    metadata,
    Column("call", BigInteger, primary_key=True, autoincrement=False),
    Column("organisation", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("journal", String, nullable=False, server_default="main"),
    sqlite_with_rowid=False,
)
"""Holds that are posted and not yet resolved; a settlement takes its row away. `journal` is the one that tells of the
call: only what replays that may resolve the hold."""

ledger_deposits = Table(
    "ledger_deposits",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("organisation", ForeignKey("organisations.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reference", String, nullable=False, unique=True),
    Column("at_ms", BigInteger, nullable=False),
)

journal_position = Table(
    "journal_position",
    metadata,
    Column("journal", String, primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("carried", BigInteger, nullable=False),
    Column("oldest", BigInteger, nullable=False),
)
"""How far the ledger's journal is in the database. Settlements before `carried` are posted; the oldest call open then
begins at `oldest`; `batch` numbers the transactions, so that one whose commit was in doubt is not posted again. A relay
of several processes has a journal for each of them beside the `main` one."""

journal_credit = Table(
    "journal_credit",
    metadata,
    Column("journal", String, primary_key=True),
    Column("organisation", BigInteger, primary_key=True, autoincrement=False),
    Column("moved", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""By how much each process of a relay of several has moved credit since the relay's start: what one took that died."""

node_days = Table(
    "node_days",
    metadata,
    Column("node", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("earned", BigInteger, nullable=False),
    Column("answers", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What a node earned on a UTC day (days since 1970), so that its lifetime is a short sum."""

labels = Table(
    "labels",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("text", String, nullable=False, unique=True),
)
"""Words that many rows of usage share: names of models, targets, nodes and providers, states, reasons, error codes.
They are kept once and named by number, which halves the size of a row and the time to write it."""

usage = Table(
    "usage",
    metadata,
    Column("call", RowId, primary_key=True, autoincrement=False),
    Column("organisation", BigInteger, nullable=False),
    Column("project", BigInteger, nullable=False),
    Column("api_key", BigInteger, nullable=False),
    Column("model", BigInteger, nullable=False),
    Column("state", BigInteger, nullable=False),
    Column("streamed", SmallInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("delivered", SmallInteger, nullable=False),
    Column("target", BigInteger, nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("provider", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("token_source", BigInteger, nullable=False),
    Column("finish_reason", BigInteger, nullable=False),
    Column("error", BigInteger, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ttft_ms", Integer),
    Column("duration_ms", Integer, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("owner_share", BigInteger, nullable=False),
    Column("operator_share", BigInteger, nullable=False),
    Column("provider_share", BigInteger, nullable=False),
    Column("operator_loss", BigInteger, nullable=False),
    Index("usage_by_organisation", "organisation", "started_ms"),
)
Index(
    "usage_by_node",
    usage.c.node,
    usage.c.call,
    sqlite_where=usage.c.node != 0,
    postgresql_where=usage.c.node != 0,
)
"""One row a call; its words are `labels`, 0 where there is none. `attempts` legs were tried, `delivered` of them wrote
something; `target`, `node` and `provider` are those of the last leg that delivered, else of the last one tried."""

usage_legs = Table(
    "usage_legs",
    metadata,
    Column("call", BigInteger, primary_key=True, autoincrement=False),
    Column("leg", SmallInteger, primary_key=True, autoincrement=False),
    Column("target", BigInteger, nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("provider", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("owner_share", BigInteger, nullable=False),
    Column("operator_share", BigInteger, nullable=False),
    Column("provider_share", BigInteger, nullable=False),
    Index("usage_legs_by_node", "node"),
    sqlite_with_rowid=False,
)
"""The legs of calls that more than one leg delivered; the only leg of any other call is in its `usage` row."""

# --- answers that may be given again ---------------------------------------------------------------------------------

idempotency_claims = Table(
    "idempotency_claims",
    metadata,
    Column("scope", LargeBinary(32), primary_key=True),
    Column("body", LargeBinary(32), nullable=False),
    Column("call", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("fate", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("answer", LargeBinary),
    Index("idempotency_claims_by_end", "expires_ms"),
)
"""One row for each `Idempotency-Key` in use. `scope` is a hash of API key, route and header, `body` of the request; the
call was given its id before it began. `fate`: `open`, `kept` with a sealed `answer`, or why there is none."""

cached_answers = Table(
    "cached_answers",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("cached_answers_by_end", "expires_ms"),
)
"""Answers of the response cache, sealed. `key` is a hash of all that can change the answer."""

# --- what processes tell each other through the database -----------------------------------------------------------

revision = Table(
    "revision",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
