"""What a person may ask of `oms demo`, and the one line they get for what they may not."""

from pathlib import Path

import pytest

from tests.workers.local.demo import olist_folder as made_up
from workers.errors import UserError
from workers.local.demo.commands import make_plan, new_folder, refuse_unwritable


def test_without_a_dataset_the_shipped_orders_are_taken() -> None:
    assert len(make_plan(None, None, "1", 1).orders) == 82
    assert len(make_plan(None, 7, "1", 1).orders) == 7


def test_a_dataset_is_taken_up_to_the_number_asked_for(tmp_path: Path) -> None:
    plan = make_plan(made_up.write_folder(tmp_path), 3, "0.5", 1)
    assert len(plan.orders) == 3


@pytest.mark.parametrize(
    ("factor", "complaint"),
    [("some", "is no number"), ("1/0", "is no number"), ("-1", "negative"), ("0.5", "--dataset")],
)
def test_a_factor_that_cannot_be_is_one_clear_line(factor: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        make_plan(None, None, factor, 1)


def test_a_report_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent" / "report.json"):
        with pytest.raises(UserError, match="cannot use"):
            refuse_unwritable(path)
    refuse_unwritable(tmp_path / "report.json")
    refuse_unwritable(None)


def test_a_folder_of_an_earlier_run_is_refused(tmp_path: Path) -> None:
    assert new_folder(tmp_path) == tmp_path
    (tmp_path / "version.json").touch()
    with pytest.raises(UserError, match="is not empty"):
        new_folder(tmp_path)


def test_a_folder_is_named_by_the_time_when_nobody_names_one() -> None:
    assert new_folder(None).parent == Path(".oms-demo")
