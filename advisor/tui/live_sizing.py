"""From a sizing to the rows that the app shows."""

from advisor.sizing.purchase import Option
from advisor.tui.session import SizingAnswer, SizingRow
from advisor.verbs.size import SizingResult


def _row(option: Option) -> SizingRow:
    price, capacity = option.offer.price, option.layout.capacity
    count = f"{option.count}x " if option.count > 1 else ""
    return SizingRow(
        machine=f"{count}{option.offer.spec.name}",
        price_usd=None if price is None else price.usd * option.count,
        price_date=None if price is None else price.date,
        price_complete=price is None or price.complete,
        model=option.candidate.system.entry.name,
        quant=option.candidate.quant,
        users_held=int(option.users_held.p50),
        binds=capacity.binding,
        headroom_ratio=option.headroom + 1,
        ttft_s=capacity.ttft_s,
        tokens_per_s=1 / capacity.tpot_s if capacity.tpot_s else None,
        score=option.candidate.score,
        meets=option.within_budget is not False,
    )


def answer_of(result: SizingResult) -> SizingAnswer:
    """Options best first, and what the others fell to."""
    sizing = result.sizing
    return SizingAnswer(rows=tuple(_row(option) for option in sizing.options), rejected=tuple(sizing.rejected.items()))
