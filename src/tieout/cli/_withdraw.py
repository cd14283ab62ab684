"""
``tieout deliveries --withdraw``: a delivery that should not have come, or came under a wrong source, is taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli._asked import reason_given
from tieout.cli._opening import opened
from tieout.cli._output import measured, say, say_json

if TYPE_CHECKING:
    from tieout.cli._asked import Asked

__all__ = ["withdrawn"]


def withdrawn(wanted: Asked, delivery: str | None, reason: str | None) -> int:
    """
    Withdraw a delivery, and say what to do next; one that was withdrawn already stays so.

    :return: the exit status: 1 where something needs a person because of it.
    :raises WrongUse: no delivery or no reason is given, or it cannot be withdrawn.
    """
    from tieout import pipeline
    from tieout.clock import system_clock
    from tieout.errors import WrongUse
    from tieout.intake.ingest import known
    from tieout.intake.receive import delivery_named
    from tieout.observe.work.remaining import remaining

    if delivery is None or reason is None:
        message = "expected --withdraw DELIVERY and --reason: why it is withdrawn stands in the audit log"
        raise WrongUse(message)
    began = system_clock.monotonic()
    with opened(wanted) as (place, store):
        name = delivery_named(store, delivery)
        outcome = pipeline.withdraw(store, place, name, reason_given(reason))
        told = known(store, name) if outcome is None else remaining(store, place, [outcome])[0]
    if wanted.as_json:
        say_json({"deliveries": [told.as_json()], **measured({"withdraw": system_clock.monotonic() - began})})
        return int(told.findings > 0)
    if outcome is None:
        say(f"{told.name} ({name[:12]}): {told.reason}; nothing is left to withdraw")
        return 0
    say(
        f"{told.name} ({name[:12]}) of {told.source_id} is withdrawn: {told.withdrawn} record(s) count no more, as nothing"
        " else says them; `tieout match` takes back what rested on them"
    )
    say(f'its bytes are kept: `tieout replay {name[:12]} --reason "..."` brings it back')
    if told.findings:
        say(f"{told.findings} finding(s) need a person: see `tieout exceptions`")
    return int(told.findings > 0)
