"""Steps that write down what waits for a person, and what the person decided."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.exceptions import ExceptionActivities, Raised, Resolved

from workflows.steps.call import decided, locally

__all__ = ["Raised", "Resolved"]


async def raise_exception(raised: Raised) -> None:
    await decided("questions-are-kept-first")
    await locally(ExceptionActivities.raise_exception, raised)


async def resolve_exception(resolved: Resolved) -> None:
    await locally(ExceptionActivities.resolve_exception, resolved)
