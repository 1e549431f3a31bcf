"""The options that every command takes which asks about a model's folder, and the question they make."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import TYPE_CHECKING, Any

from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    from halfdoor.services.assess import Options


def configure(
    parser: argparse.ArgumentParser,
    *,
    as_of: str,
    policy: str = "shipped name or path, instead of the dossier's",
) -> None:
    """Add --policy, --risk-model, --as-of, --draws and --seed; `as_of` says what the day is for."""
    parser.add_argument("--policy", metavar="P", help=policy)
    parser.add_argument("--risk-model", metavar="R", help="shipped name or path, instead of the dossier's")
    parser.add_argument("--as-of", type=day, metavar="DATE", help=f"{as_of} (default: today)")
    parser.add_argument(
        "--draws", type=int, metavar="N", help="draws of everything uncertain (default: 20000)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the draws (default: 1)")


def options(args: argparse.Namespace, **more: Any) -> Options:  # noqa: ANN401  fields of Options
    """What was asked; `more` are further fields of Options."""
    from halfdoor.services.assess import Options

    if args.draws is not None:
        more["draws"] = args.draws
    return Options(
        as_of=args.as_of or dt.datetime.now(dt.UTC).date(),
        policy=args.policy,
        risk_model=args.risk_model,
        seed=args.seed,
        **more,
    )


def day(text: str) -> dt.date:
    """A date as people write it for us; argparse reports what is not one."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a date: write year-month-day, like 2026-01-31"
        ) from None


def configuration(text: str) -> dict[str, tuple[str, ...]]:
    """`item=group+group,item=group` → {item: (group, …)}; raises InputError."""
    shared: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        item, equals, groups = part.partition("=")
        if not equals or not item or not groups:
            raise InputError(
                "bad-configuration",
                f"{part!r} does not say which groups have which item",
                where="--configuration",
                remedy="write item=group, for example final-parameters=vetted,sampling=anyone",
            )
        if item in shared:
            raise InputError("bad-configuration", f"{item!r} stands twice", where="--configuration")
        shared[item] = tuple(filter(None, groups.split("+")))
    return shared
