"""What can be set, one frozen dataclass per topic. Every field has a unit, a default, and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0, le=1e6)]
Whole = Annotated[int, Meta(ge=0, le=2**40)]
AtLeastOne = Annotated[int, Meta(ge=1, le=2**24)]
MOST_WORKERS: Final = 64
"""Processes that one relay can have."""

Price = Annotated[int, Meta(ge=0, le=10**12)]
"""Micro-dollars per million tokens, up to a dollar a token."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """The sockets of nodes. The defaults are the protocol's; tests shorten the times."""

    hello_s: Seconds = 5.0
    """From the open socket to a valid hello. A node signs in milliseconds; the rest is its network."""

    ping_s: Seconds = 20.0
    """Between pings. Under the 30-60 s after which home routers forget an idle connection."""

    silent_s: Seconds = 40.0
    """Nothing heard, not even a pong, for this long: the node is gone. One ping and its answer, twice."""

    replace_s: Seconds = 2.0
    """How long the old socket of a node may take to answer a ping when a second valid hello arrives."""

    heartbeat_s: Seconds = 15.0
    """How often a node repeats its status."""

    close_s: Seconds = 2.0
    """Wait for the other side's close frame. Hanging up at once could reset the connection before ours is read."""

    drain_s: Seconds = 30.0
    """From the relay's goodbye to the end of answers that still run. Service managers kill after 90 s or less."""

    return_s: Seconds = 5.0
    """When a node should come back after the relay has said goodbye; the node adds its own jitter."""

    sockets_per_owner: Whole = 5
    """Ready nodes of one person. Stops one account from filling the registry."""

    pending_per_address: Whole = 200
    """Open sockets before a valid hello, per address. A stampede of reconnecting nodes behind one router fits."""

    frames_per_s: Whole = 500
    """Messages a node may send a second. Twice the 250 steps a second that a full node needs."""

    burst_frames: Whole = 1000
    """Messages it may send at once: two seconds of the above, as after a stall of its network."""

    bytes_per_s: Whole = 4 * 1024 * 1024
    """Bytes a node may send a second, all frames together. Text is a thousandth of it; vectors are not."""

    backlog_bytes: Whole = 4 * 1024 * 1024
    """Bytes waiting to be sent to one node. More means that it reads too slowly to be of use (close code 4408)."""


@dataclass(frozen=True, slots=True)
class EnrolmentSettings:
    """How a desktop becomes a node."""

    code_s: Seconds = 600.0
    """Life of a code. Long enough to sign in, short enough that a leaked one is stale."""

    code_tries: Whole = 5
    """Wrong codes one person may type within the life of a code, and wrong proofs for one code. Guessing needs 20^8."""

    poll_s: Seconds = 2.0
    """How often the desktop may ask. A person waits for the answer, so it should feel immediate."""

    nonce_s: Seconds = 120.0
    """Life of the nonce a desktop signs."""

    proof_s: Seconds = 120.0
    """From opening the browser to the desktop's proof that it is on the same PC."""

    codes_per_address_h: Whole = 5
    """New codes per address and hour; enrolling by token is not counted here."""

    strangers_per_address_min: Whole = 20
    """Requests per address and minute by somebody who has proved nothing: challenges, wrong codes, wrong tokens."""

    pending: Whole = 2000
    """Codes waiting at once, over all addresses."""

    fresh_sign_in_s: Seconds = 300.0
    """Age up to which a sign-in counts as fresh, for approving a PC that has not proved to be this one."""

    session_s: Seconds = 3600.0
    """Life of a sign-in to the pages."""


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """The clocks of a call. Each bounds one silence, so that no caller waits for nothing."""

    connect_s: Seconds = 5.0
    """To open a connection to a provider. Any network worth using answers in one."""

    header_s: Seconds = 60.0
    """Until a provider's response header: some think before they send it."""

    plain_s: Seconds = 300.0
    """The same for an answer that is not streamed: the provider writes all of it before it says anything."""

    accept_s: Seconds = 3.0
    """Until a node accepts. It only has to look for a free slot and count the prompt."""

    image_accept_s: Seconds = 2.0
    """More of it for each image, which a node decodes before it knows how many tokens there are."""

    first_content_s: Seconds = 60.0
    """From a provider's header to the first content."""

    node_first_content_s: Seconds = 30.0
    """From a node's accept to the first content, plus one second per 1,000 prompt tokens."""

    image_content_s: Seconds = 20.0
    """More of it for each image: a processor without a card takes so long for a large one."""

    gap_s: Seconds = 60.0
    """Between two events of a provider."""

    node_gap_s: Seconds = 20.0
    """Between two steps of a node; a slow PC still makes a token a second."""

    crawl_s: Seconds = 10.0
    """After its first content a target is judged: did it write `crawl_tokens` in this time?"""

    crawl_tokens: Whole = 10
    """Fewer, and somebody else goes on with the answer if anybody can. People read five tokens a second; 0: never."""

    call_s: Seconds = 600.0
    """A whole call, over all attempts."""

    heartbeat_s: Seconds = 15.0
    """Silence after which a streaming caller gets a comment line; proxies give up at 30 to 60 s."""

    drain_s: Seconds = 60.0
    """How long the last bytes of an answer may take to leave for a slow caller."""

    queue_s: Seconds = 20.0
    """How long a call waits for a free target at most, where all are busy."""

    attempts: AtLeastOne = 3
    """Targets tried at most. More would multiply an outage."""

    slow_caller_bytes: Whole = 256 * 1024
    """Unsent bytes of one call, after which that call alone is ended."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What one call may ask for."""

    body_bytes: Whole = 4 * 1024 * 1024
    """Largest body of a call without images."""

    image_body_bytes: Whole = 20 * 1024 * 1024
    """Largest body of a call that shows images."""

    body_hard_bytes: Whole = 32 * 1024 * 1024
    """Up to here a too large body is read and dropped, so that its caller hears why; beyond, the socket closes."""

    default_max_tokens: AtLeastOne = 4096
    """The completion's limit when the caller gives none; also what is held for it."""


@dataclass(frozen=True, slots=True)
class IdempotencySettings:
    """Calls with an `Idempotency-Key`."""

    keep_s: Seconds = 86_400.0
    """How long a key is remembered, with its answer: a day, so that a job that failed at night can be run again."""

    linger_s: Seconds = 10.0
    """How long a call goes on without its caller, awaiting a retry. Clients come back within 8 s, or not at all."""

    answer_bytes: Whole = 4 * 1024 * 1024
    """Longest answer that is kept, as it was written. A stream has some 200 bytes a token: 20,000 tokens."""

    memory_bytes: Whole = 256 * 1024 * 1024
    """All answers that are being made, as far as a retry may ask for them; beyond that new ones take on no retry."""

    stored_bytes: Whole = 1024 * 1024 * 1024
    """All kept answers together, sealed; beyond that the oldest lose theirs."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Answers given again to calls that ask the very same. A call can ask for it, or against it, by a header."""

    on: bool = False
    """For every call that does not say otherwise. Off: who does not know of it must not wonder at equal answers."""

    ttl_s: Annotated[int, Meta(ge=1, le=86_400)] = 300
    """Age up to which an answer is given again, if the call names none: OpenRouter's default."""

    any_sampling: bool = False
    """Also for calls with neither `temperature: 0` nor a `seed`, whose answers differ from one time to the next."""

    coalesce: bool = True
    """Identical calls that run at once share one answer, where the cache is on for them."""

    answer_bytes: Whole = 1024 * 1024
    """Longest answer that is kept, as a plain answer: far more than a model writes."""

    memory_bytes: Whole = 64 * 1024 * 1024
    """Answers held in memory, in front of the database; and once more for those that are being made."""

    stored_bytes: Whole = 1024 * 1024 * 1024
    """All cached answers together, sealed; beyond that those that end first go."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the relay listens."""

    host: str = "127.0.0.1"
    """Address. The default reaches this computer only: who opens a relay to a network should say so."""

    port: Annotated[int, Meta(ge=0, le=65_535)] = 8484
    """TCP port of API, console and node sockets; 0 takes a free one."""

    workers: Annotated[int, Meta(ge=1, le=MOST_WORKERS)] = 1
    """Processes that share the port and the database, one for each core that the relay shall use. Linux only. What is
    limited by address or in memory (`connections`, strangers, queues) is limited in each of them."""

    edge: Annotated[str, Meta(pattern="^(http|asgi)$")] = "http"
    """Who serves the hot routes: `http` inside the server's protocol, or `asgi`, slower and free of its internals."""

    names: tuple[str, ...] = ()
    """`host:port` names that nodes may have dialled besides the address itself: those of a proxy, or in the DNS."""

    drain_s: Seconds = 30.0
    """How long running calls may go on after SIGTERM."""

    certificate_file: str = ""
    """PEM file of the certificate and those that vouch for it: the relay then speaks TLS 1.2 and 1.3 itself.

    It is looked at every few seconds, so whoever renews it need not tell the relay.
    """

    key_file: str = ""
    """PEM file of the certificate's key, unencrypted."""

    proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies in front, whose `X-Forwarded-For` and `-Proto` are believed. None by default:
    who is not behind one could otherwise be anybody at every request."""

    origins: tuple[str, ...] = ()
    """Web origins whose pages may use the API from a browser, as `https://app.example.com`; `*` is all of them. None by
    default: a key in a page is a key that everybody can read."""

    connections: AtLeastOne = 20_000
    """Open connections of callers and nodes; beyond, new ones are turned away. 10,000 nodes and as many callers."""


@dataclass(frozen=True, slots=True)
class MoneySettings:
    """What tokens of nodes cost when their owner asks for no price of their own. Micro-dollars per million tokens."""

    node_prompt_price: Price = 50_000
    """$0.05 per million: about half of what providers take for small open models."""

    node_completion_price: Price = 200_000
    """$0.20 per million."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """One model of a provider in the settings file. Prices in micro-dollars per million tokens."""

    name: str
    upstream: str = ""
    """The provider's own name for it, if it differs."""
    context: AtLeastOne = 131_072
    prompt_price: Price = 0
    completion_price: Price = 0
    quantisation: str = ""
    """As `fp8`. What stands here and below is for calls that ask for it; what is not declared is not so."""
    parameters: tuple[str, ...] = ()
    """Fields of a request that it supports, in OpenRouter's names, as `tools` and `response_format`."""
    region: str = ""
    """Where it computes, as `eu`."""
    collects_data: bool = True
    """Whether the provider may keep prompts, or learn from them. True: who does not say so may do so."""
    keeps_nothing: bool = False
    """Whether the provider promises to keep nothing at all (zero data retention)."""
    continues: Literal["", "prefix", "continue_final_message", "prefill"] = ""
    """How it is told to go on with a last message of the assistant, if it can: DeepSeek and Mistral take `prefix`, vLLM
    and SGLang `continue_final_message`, Anthropic's older models `prefill`. A stream that another target broke off then
    goes on there. Empty: never."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """A provider in the settings file."""

    name: str
    base_url: str
    models: tuple[ModelSettings, ...]
    api_key: str = field(default="", repr=False)
    """Several keys, one a line, are used in turn; one that is refused or asked to wait is left out meanwhile."""
    api_key_file: str = ""
    """A file that holds the key or keys, for those who keep secrets out of settings."""


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """Who answers where several can. A call can say otherwise by its `provider` object."""

    policy: Annotated[str, Meta(pattern="^(balanced|cheapest|fastest|own-first|order|weighted)$")] = "balanced"
    """`balanced`: twice the price only for half the time. `own-first`: own PCs before all others, whatever they cost.
    `order` and `weighted` go by the lists below."""

    order: tuple[str, ...] = ()
    """Names of targets or of pools, for the policy `order`; who is not named comes after."""

    weights: dict[str, Annotated[float, Meta(ge=0, le=1e6)]] = field(default_factory=dict)
    """Shares of calls by name of target or pool, for the policy `weighted`; who is not named has a weight of 1."""

    last_resort: tuple[str, ...] = ()
    """Targets or pools that are only used when nobody else is left: insurance for the day of an incident."""

    node_failures: AtLeastOne = 3
    """Failures of a PC within five minutes after which it is left alone for a minute, and longer each time."""

    probe_s: Seconds = 30.0
    """How often a provider that refused a key, or keeps failing, is asked for its list of models, to see whether it is
    well again; 0: never."""


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Figures for Prometheus at `/metrics`. There are none without a token: they tell what a business does."""

    token: str = field(default="", repr=False)
    """What the scraper sends as `Authorization: Bearer …`; at least 16 characters."""

    token_file: str = ""
    """A file that holds the token, for those who keep secrets out of settings."""


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """A span for every call, sent to an OpenTelemetry collector. None without an endpoint. Needs `nightjar[traces]`."""

    endpoint: Annotated[str, Meta(pattern="^(https?://.+)?$")] = ""
    """Where a collector takes spans by OTLP over HTTP, for example `http://127.0.0.1:4318/v1/traces`."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Sent along, as the key of a hosted collector."""

    share: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Of the calls, 0 to 1. A caller who is traced decides for the calls that carry a `traceparent`."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What the relay writes to standard error. Never a prompt, an answer or a key, in either form."""

    form: Annotated[str, Meta(pattern="^(text|json)$")] = "text"
    """`text` for people, `json` for programs: an object a line with time, level, logger and message."""

    level: Annotated[str, Meta(pattern="^(info|warning|error)$")] = "warning"
    """The least that is written. `info` adds what goes as it should: nodes that come and go, certificates renewed."""


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """Where providers may be."""

    private_addresses: tuple[str, ...] = ()
    """Addresses and networks that providers may be at though they are not public, as `127.0.0.1` or `10.0.0.0/8`.

    None by default: a URL, or whoever answers for its name, could point at anything near the relay.
    """


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Everything, as read by `configuration`."""

    data: Path
    """Folder of the database, the journal and the board."""

    demo: bool = False
    """Give the first organisation a starting credit, so that a first call works."""

    server: ServerSettings = ServerSettings()
    money: MoneySettings = MoneySettings()
    calls: CallSettings = CallSettings()
    timers: TimerSettings = TimerSettings()
    nodes: NodeSettings = NodeSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    idempotency: IdempotencySettings = IdempotencySettings()
    cache: CacheSettings = CacheSettings()
    upstreams: UpstreamSettings = UpstreamSettings()
    metrics: MetricsSettings = MetricsSettings()
    traces: TraceSettings = TraceSettings()
    log: LogSettings = LogSettings()
    routing: RoutingSettings = RoutingSettings()
    providers: tuple[ProviderSettings, ...] = ()

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "relay.db"

    @property
    def ledger(self) -> Path:
        """Folder of the journal and the board."""
        return self.data / "ledger"

    @property
    def answers_key(self) -> Path:
        """File of the key that seals kept answers; not in the database, whose backup alone then tells nothing."""
        return self.data / "answers.key"
