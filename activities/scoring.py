"""A second opinion: an external scorer is asked about an order that our own rules have assessed."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.fraud.port import FraudScorer, Question
from activities.screening import REVIEW_KEY, place_once
from db.stores import fraud, orders
from db.stores.fraud import Assessment
from db.stores.holds import NewHold
from domain.fraud import HIGHEST_SCORE, Facts, score


@dataclass(frozen=True)
class ScoreOrder:
    order_id: str
    review_s: float


class ScoringActivities:
    def __init__(self, engine: AsyncEngine, scorer: FraudScorer) -> None:
        self._engine = engine
        self._scorer = scorer

    @activity.defn
    async def score_order(self, order: ScoreOrder) -> None:
        """One call, whose answer can only make an order more suspicious; its first word stands."""
        async with self._engine.connect() as tx:
            head = await orders.head(tx, order.order_id)
            known = await fraud.get(tx, order.order_id)
        if head is None or known is None or known.scorer is not None:
            return
        facts = Facts(**known.facts)
        opinion = await self._scorer.score(Question(order.order_id, head.currency, facts))
        opinion = max(0, min(opinion, HIGHEST_SCORE))
        async with self._engine.begin() as tx:
            await self._record(tx, order, known, replace(facts, external_score=opinion))

    async def _record(
        self, tx: AsyncConnection, order: ScoreOrder, known: Any, facts: Facts
    ) -> None:
        head = await orders.head(tx, order.order_id, lock=True)
        found = Assessment(score(facts), known.review_from, asdict(facts))
        await fraud.add_opinion(tx, order.order_id, self._scorer.vendor, found)
        said = await fraud.get(tx, order.order_id)
        assert head is not None
        assert said is not None
        if head.outcome is None and said.score >= said.review_from:
            review = NewHold("fraud_review", REVIEW_KEY, within_s=order.review_s)
            await place_once(tx, order.order_id, review)
