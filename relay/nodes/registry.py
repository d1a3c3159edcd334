"""The ready links of this process, as routing reads them.

Everything is in memory and changes only on the loop's thread. The index by model is made anew after a change, at the
first look; between changes a look-up is one dict access.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from relay.nodes.link import NodeLink
from relay.storage.ids import NodeId, PersonId

Listener = Callable[[], None]
Index = Mapping[str, tuple[NodeLink, ...]]
"""Links by model."""

Vouched = Mapping[str, frozenset[str]]
"""Which digests the catalogue stands for, by model; a model that is not in it may be any file."""


class Registry:
    """Promises that a link is found from its welcome until it closes, and never two of one node."""

    def __init__(self) -> None:
        self._links: dict[NodeId, NodeLink] = {}
        self._index: Index | None = None
        self._known: Index | None = None
        self._listeners: list[Listener] = []
        self._vouched: Vouched = {}

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[NodeLink]:
        """Every link, also those that take no calls now; a copy, so that links may leave while it is walked."""
        return iter(list(self._links.values()))

    def here(self) -> Sequence[NodeLink]:
        """Those whose sockets this process holds."""
        return list(self._links.values())

    def get(self, node: NodeId) -> NodeLink | None:
        return self._links.get(node)

    @property
    def lodgers(self) -> int:
        """Legs that other processes of this relay have on links of this one."""
        return 0

    def of_owner(self, owner: PersonId) -> int:
        """How many links a person has."""
        return sum(link.node.owner == owner for link in self._links.values())

    def links_for(self, model: str) -> Sequence[NodeLink]:
        """The links that take calls for this model, busy ones too."""
        return self.models().get(model, ())

    def models(self) -> Mapping[str, Sequence[NodeLink]]:
        """Every model some node takes calls for, with those nodes. Do not keep it: ask again."""
        if self._index is None:
            self._index = self._by_model(link for link in self._links.values() if link.takes_calls)
        return self._index

    def known_models(self) -> Mapping[str, Sequence[NodeLink]]:
        """Every model some connected node has, also one that takes no calls just now. Do not keep it: ask again."""
        if self._known is None:
            self._known = self._by_model(self._links.values())
        return self._known

    def vouch(self, vouched: Vouched) -> None:
        """From now on these models are found only on links that have the file the catalogue stands for."""
        if vouched != self._vouched:
            self._vouched = vouched
            self._changed()

    def is_vouched(self, link: NodeLink, model: str) -> bool:
        """Whether what the link calls by this name may be called so."""
        digests = self._vouched.get(model)
        return digests is None or link.models[model].digest in digests

    def digests_of(self, model: str) -> frozenset[str]:
        """The files that the catalogue stands for under this name; none if it knows no such name."""
        return self._vouched.get(model, frozenset())

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` after every change; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- for the sockets --------------------------------------------------------------------------------------------

    def add(self, link: NodeLink) -> None:
        """A session is ready. Whoever adds it has seen to it that the node has no other."""
        previous: Final = self._links.get(link.node.node_id)
        if previous is not None:
            raise ValueError(f"node {link.node.node_id} has a link already")
        self._links[link.node.node_id] = link
        self.changed(link)

    def changed(self, _link: NodeLink) -> None:
        self._changed()

    def told(self, _link: NodeLink) -> None:
        """Nothing: its status is looked up on the link."""

    def _changed(self) -> None:
        self._index = self._known = None
        for listener in list(self._listeners):
            listener()

    def closed(self, link: NodeLink) -> None:
        if self._links.get(link.node.node_id) is link:
            del self._links[link.node.node_id]
            self.changed(link)

    def _by_model(self, links: Iterable[NodeLink]) -> Index:
        index: dict[str, list[NodeLink]] = {}
        for link in links:
            for model in link.models:
                if self.is_vouched(link, model):
                    index.setdefault(model, []).append(link)
        return {model: tuple(having) for model, having in index.items()}
