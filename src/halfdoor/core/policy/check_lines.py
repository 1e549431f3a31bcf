"""Whether a policy's severity bands, frequency rows, exposure credit and net rule mean something."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfdoor.core.policy.document import Policy
    from halfdoor.core.risk.document import RiskModel
    from halfdoor.core.risk.problem import Problems


def check_lines(policy: Policy, model: RiskModel | None, found: Problems) -> None:
    """All problems of what layer B is held against."""
    units = {threat.unit for threat in model.threat} if model else None
    found.unique((band.id for band in policy.band), "band")
    for index, band in enumerate(policy.band):
        at = f"band[{index}]"
        found.amount(band.at_least, f"{at}.at_least", above_zero=True)
        if not band.unit:
            found.error("no-unit", "a band without a unit is no severity", f"{at}.unit", 'unit = "USD"')
    _frequencies(policy, units, found)
    credit = policy.exposure.credit_max
    found.share(float(credit), "exposure.credit_max")
    if credit.is_finite() and credit > 0 and not policy.exposure.clause:
        _unspoken("exposure", found)
    if policy.net is not None and not policy.net.why.strip():
        found.error(
            "no-why",
            "net harm may count only where the policy says why",
            "net.why",
            'add why = "…", or remove [net]',
        )
    if policy.net is not None and not policy.frequency:
        found.lint("idle-net", "no [[frequency]] row could be held against net harm", "net", "remove [net]")


def _frequencies(policy: Policy, units: set[str] | None, found: Problems) -> None:
    bands = {band.id: band for band in policy.band}
    seen: set[tuple[str, str, str]] = set()
    for index, row in enumerate(policy.frequency):
        at = f"frequency[{index}]"
        if found.known(row.band, bands, "band", f"{at}.band") and units is not None:
            unit = bands[row.band].unit
            if unit not in units:
                message = f"the risk model has no threat in {unit}, so this line never binds"
                found.lint("idle-line", message, at, "add a [[threat]] in that unit, or drop the row")
        found.amount(float(row.per_year), f"{at}.per_year")
        if not (row.confidence.is_finite() and 0 < row.confidence < 1):
            message = f"{row.confidence} is not a confidence"
            found.error("bad-probability", message, f"{at}.confidence", "state a number between 0 and 1")
        key = (row.band, str(row.per_year.normalize()), str(row.confidence.normalize()))
        if key in seen:
            found.error(
                "duplicate-id", f"the same line for {row.band!r} stands twice", at, "remove one of them"
            )
        seen.add(key)
        if not row.clause and not (row.band in bands and bands[row.band].clause):
            _unspoken(at, found)


def _unspoken(where: str, found: Problems) -> None:
    found.lint("no-clause", "no sentence says what this row stands for", where, 'add clause = "…"')
