"""The same question with some inputs changed: held at a value, or drawn anew from a second seed.

Everything else keeps its draws, so that a difference in the answer is due to the change alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from halfdoor.core.risk.access import AccessModel
from halfdoor.core.risk.document import Uncertain
from halfdoor.core.risk.uncertainty.distributions import Floats, Quantity, fit
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.uncertainty.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping

    from halfdoor.core.risk.abilities import Ways
    from halfdoor.core.risk.access import Surroundings
    from halfdoor.core.risk.reach import ReachDraws


T = TypeVar("T")


class Input(msgspec.Struct, frozen=True):
    """An uncertain number that an answer asked for, under the name that its draws have."""

    name: str
    stated: Uncertain
    quantity: Quantity


class _Shared(Kept):
    """What `base` keeps of streams that have not changed; everything else is made anew."""

    def __init__(self, base: Kept, changed: Collection[str]) -> None:
        super().__init__()
        self._base = base
        self._changed = frozenset(changed)

    def get(self, key: Hashable, size: int, make: Callable[[], T]) -> T:
        """As `base` has it where the key names a stream and nothing else that could differ."""
        stream = _stream_of(key)
        if stream is not None and stream not in self._changed:
            return self._base.get(key, size, make)
        return super().get(key, size, make)


def _stream_of(key: Hashable) -> str | None:
    """The stream that a result rests on alone: its levels, or a leak rate."""
    match key:
        case ("levels", str(name)):
            return name
        case (str(name), float(), float()) if name.startswith("leak/"):
            return name
        case _:
            return None


class Recorded(Draws):
    """Draws that remember what was asked of them. Arrays are those of `base`."""

    def __init__(self, base: Draws) -> None:
        """`numbers`: the stated inputs by name; `streams`: every stream of uniforms."""
        super().__init__(base.seed, base.count)
        self._base = base
        self.numbers: dict[str, Input] = {}
        self.streams: dict[str, None] = {}

    def uniform(self, name: str) -> Floats:
        """As the base draws it."""
        self.streams[name] = None
        return self._base.uniform(name)

    def of(self, name: str, stated: Uncertain, quantity: Quantity, *, stream: str = "") -> Floats:
        """As the base draws it."""
        self.numbers[name] = Input(name, stated, quantity)
        if fit(stated, quantity, where=name).kind != "constant":
            self.streams[stream or name] = None
        return self._base.of(name, stated, quantity, stream=stream)


class Fixed(Draws):
    """Draws with some inputs held: `values` by input name, `levels` (0-1) by stream of uniforms."""

    def __init__(
        self, base: Draws, values: Mapping[str, float], levels: Mapping[str, float] | None = None
    ) -> None:
        """Everything else is as `base` draws it."""
        super().__init__(base.seed, base.count)
        self._base = base
        self._values = values
        self._levels = levels or {}
        self.kept = _Shared(base.kept, self._levels)

    def uniform(self, name: str) -> Floats:
        """One level throughout where it is held."""
        if name in self._levels:
            return np.full(self.count, self._levels[name])
        return self._base.uniform(name)

    def of(self, name: str, stated: Uncertain, quantity: Quantity, *, stream: str = "") -> Floats:
        """One value throughout where it is held."""
        if name in self._values:
            return np.full(self.count, self._values[name])
        if (stream or name) in self._levels:
            return fit(stated, quantity, where=name).quantile(self.uniform(stream or name))
        return self._base.of(name, stated, quantity, stream=stream)


class Swapped(Draws):
    """Draws with some streams taken from `other`, as if those inputs alone had been drawn again."""

    def __init__(self, base: Draws, other: Draws, streams: Collection[str]) -> None:
        """`other` has as many draws as `base`, from a second seed."""
        super().__init__(base.seed, base.count)
        self._base = base
        self._other = other
        self._streams = frozenset(streams)
        self.kept = _Shared(base.kept, self._streams)

    def uniform(self, name: str) -> Floats:
        """From the second seed where the stream is swapped."""
        return (self._other if name in self._streams else self._base).uniform(name)

    def of(self, name: str, stated: Uncertain, quantity: Quantity, *, stream: str = "") -> Floats:
        """From the second seed where the stream is swapped."""
        source = self._other if (stream or name) in self._streams else self._base
        return source.of(name, stated, quantity, stream=stream)


class Varied(AccessModel):
    """An access model under other draws or in other surroundings; derivations are those of `base`."""

    def __init__(
        self,
        base: AccessModel,
        draws: Draws,
        around: Surroundings | None = None,
        *,
        same_reach: bool = False,
    ) -> None:
        """`draws` may be more or fewer than the base's, unless its reach is said to be the `same_reach`."""
        super().__init__(base.model, base.holdings, draws, around or base.around)
        self._base = base
        self._same_reach = same_reach

    def ways(self, ability: str) -> Ways:
        """Derivations do not depend on any draw."""
        return self._base.ways(ability)

    def reach(self, actor: str) -> ReachDraws:
        """The base's where nothing about it has changed: it takes longest to work out."""
        return self._base.reach(actor) if self._same_reach else super().reach(actor)
