"""Terms: documents in versions, to which whoever applies agrees, by the digest of exactly what was shown."""

from __future__ import annotations

from halfdoor.core.governance.people import checked_lines
from halfdoor.core.governance.refusal import Refused

TERMS_MAX = 200_000  # characters


def checked_terms(text: str) -> str:
    """Terms as they are stored. Raises InputError `bad-text`."""
    return checked_lines(text, "the text of the terms", TERMS_MAX) + "\n"


def agree(shown: str | None, in_effect: str | None) -> str | None:
    """The terms that are agreed to: those in effect, where exactly those were shown (digests; None: none).

    Raises Refused `changed-meanwhile`, `no-agreement`.
    """
    if shown == in_effect:
        return in_effect
    if shown is None:
        raise Refused(
            "no-agreement",
            "whoever applies as this group has to agree to its terms",
            remedy=f"read them, then give their digest: {in_effect}",
        )
    raise Refused(
        "changed-meanwhile",
        "the terms are not those that you were shown",
        remedy="read the terms in effect, and agree to them by their digest",
    )
