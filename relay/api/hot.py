"""The hot route, free of any server: a caller's header and body in, a running call out. Both edges use it.

What the edges share stands here: the path, the body's limits, and how a refusal is written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from relay.accounts.errors import AuthenticationFault, NotAuthenticated
from relay.accounts.identity import Identity
from relay.accounts.keys import Keyring
from relay.completions.envelope import error_body, error_headers
from relay.completions.explained import wants_explanation
from relay.completions.headers import TRACE_PARENT, CallHeaders
from relay.completions.kinds import CHAT, Kind
from relay.completions.presets import MARK, Presets
from relay.completions.refusal import Refusal, no_ledger, not_authenticated, too_large, unexpected
from relay.completions.repeats.desk import RepeatDesk
from relay.completions.repeats.question import Question
from relay.completions.reply import Reply
from relay.completions.request import CallRequest, may_show, parse
from relay.completions.running import Running
from relay.completions.service import Completions
from relay.ledger.entries import CallId
from relay.ledger.errors import LedgerUnavailable
from relay.settings import CallSettings

_log = logging.getLogger(__name__)

RAW_PATH = CHAT.route.encode()
"""The path of the busiest of them, which edge A serves by itself."""

_MISSING = (
    "You didn't provide an API key. Send it in an Authorization header using Bearer auth "
    "(Authorization: Bearer YOUR_KEY). Your keys are listed by `nightjar-relay key list`."
)
_INVALID = "Incorrect API key provided. Check the key, or make a new one with `nightjar-relay key create`."


class CallRoute:
    """`POST` on the path of one kind of call."""

    __slots__ = ("_always", "_completions", "_keyring", "_next_id", "_repeats", "kind", "presets", "settings")

    def __init__(
        self,
        keyring: Keyring,
        completions: Completions,
        settings: CallSettings,
        next_id: Callable[[], CallId],
        repeats: RepeatDesk,
        *,
        presets: Presets,
    ) -> None:
        self.kind = CHAT
        self._keyring = keyring
        self._repeats = repeats
        self.presets = presets
        self._always = repeats.always
        self._completions = completions
        self._next_id = next_id
        self.settings = settings

    def of_kind(self, kind: Kind) -> CallRoute:
        """The same for another kind of call."""
        other = CallRoute(
            self._keyring, self._completions, self.settings, self._next_id, self._repeats, presets=self.presets
        )
        other.kind = kind
        return other

    def begin(self, headers: CallHeaders, body: bytes, reply: Reply) -> Running | None:
        """Start the call, or answer with what is wrong with it."""
        try:
            identity = self._keyring.authenticate(headers.authorization)
            request = self._parse(body)
            if MARK in request.model:
                request = self.presets.applied(request, identity.organisation)
            asked = headers.asked
            if asked is None and not self._always:
                return self._completions.begin(identity, request, reply)
            if asked is not None:
                request.explains = wants_explanation(asked)
                request.trace_parent = asked.get(TRACE_PARENT, b"")
            return self._repeats.begin(self._question(identity, request), asked, reply)
        except NotAuthenticated as error:
            missing = error.reason is AuthenticationFault.MISSING
            self.refuse(not_authenticated(_MISSING if missing else _INVALID), reply)
        except (Refusal, LedgerUnavailable) as error:
            self._cannot(error, reply)
        except Exception:  # noqa: BLE001 - the supervisor of what a request begins
            _log.exception("a call could not be begun")
            self.refuse(unexpected(), reply)
        return None

    def _question(self, identity: Identity, request: CallRequest) -> Question:
        begin = partial(self._begin, identity, request)
        rules = self._completions.rules_of(identity, request)
        return Question(identity, request, self.kind.route, begin, self.refuse, rules)

    def _parse(self, body: bytes) -> CallRequest:
        """Raises Refusal. Only images make a body of more than `body_bytes`."""
        most = self.settings.body_bytes
        if len(body) > most and not may_show(body):
            raise too_large(most)
        request = parse(body, self.kind)
        if len(body) > most and not request.images:
            raise too_large(most)
        return request

    def knows(self, headers: CallHeaders) -> bool:
        """Whether a caller has a key: for others not much of a body is kept."""
        try:
            self._keyring.authenticate(headers.authorization)
        except NotAuthenticated:
            return False
        return True

    def _begin(self, identity: Identity, request: CallRequest, reply: Reply) -> Running | None:
        try:
            return self._completions.begin(identity, request, reply)
        except (Refusal, LedgerUnavailable) as error:
            self._cannot(error, reply)
        return None

    def _cannot(self, error: Refusal | LedgerUnavailable, reply: Reply) -> None:
        self.refuse(error if isinstance(error, Refusal) else no_ledger(error), reply)

    def refuse(self, refusal: Refusal, reply: Reply) -> None:
        """Answer with an error object."""
        reply.respond(refusal.status, error_headers(refusal, f"req-{self._next_id():016x}"), error_body(refusal))

    def refuse_large(self, reply: Reply) -> None:
        """The body is over every limit."""
        self.refuse(too_large(self.settings.image_body_bytes), reply)
