"""The engine's own view of a question, for tests of what is built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core import assess as pipeline
from halfdoor.core import statement

if TYPE_CHECKING:
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.question import Question


def situation_of(question: Question) -> Situation | None:
    """The situation that the pipeline makes of a question; None where the model is out of scope."""
    caught: list[Situation] = []
    state = pipeline.state

    def catching(asked, situation, public):
        caught.append(situation)
        return statement.state(asked, situation, public)

    pipeline.state = catching
    try:
        pipeline.assess(question)
    finally:
        pipeline.state = state
    return caught[0] if caught else None
