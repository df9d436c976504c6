"""The drift check: bins, figures, statuses, and what two checks running say."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from flowjoy.analysis.drift.binning import MAX_CATEGORIES, bin_counts, distributions_of
from flowjoy.analysis.drift.comparison import MAX_SHOWN_BINS, compare, kl_nats, psi, status_of
from flowjoy.analysis.drift.history import MAX_NAMED_FEATURES, past_check, row_fingerprint, trend
from flowjoy.domain.drift import (
    CategoricalDistribution,
    DriftCheck,
    DriftStatus,
    FeatureDrift,
    NumericDistribution,
    PastDriftCheck,
    first_and_last,
)
from tests.builders import a_drift_check, at

CHANCE = np.random.default_rng(7)
OK, OVER, DRIFT = DriftStatus.OK, DriftStatus.OVER, DriftStatus.DRIFT


def column(*values: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": list(values)}, dtype=object)


def one(reference: pd.DataFrame, live: pd.DataFrame, threshold: float = 0.1, minimum: int = 1) -> FeatureDrift:
    (result,) = compare(distributions_of(reference), live, threshold=threshold, min_samples=minimum)
    return result


def counts(reference: pd.DataFrame, live: pd.DataFrame) -> tuple[list[int], list[int]]:
    before, now, _ = bin_counts(distributions_of(reference)["x"], live["x"])
    return before.tolist(), now.tolist()


# Figures


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=40))
@settings(max_examples=60)
@example([(0, 0)])
def test_kl_and_psi__equal_scipys_entropy(bins: list[tuple[int, int]]) -> None:
    live, reference = (np.array(side, dtype=np.int64) for side in zip(*bins, strict=True))
    forth, back = entropy(live + 0.5, reference + 0.5), entropy(reference + 0.5, live + 0.5)
    assert kl_nats(live, reference) == pytest.approx(forth, rel=1e-9, abs=1e-12)
    assert psi(live, reference) == pytest.approx(forth + back, rel=1e-9, abs=1e-12)


def test_kl__of_random_samples_equals_scipys_over_the_same_deciles() -> None:
    for n, m in ((200, 200), (2000, 300), (999, 5000)):
        trained, live = CHANCE.normal(size=n), CHANCE.normal(0.3, 1.2, size=m)
        edges = np.sort(trained)[[(n * tenth - 1) // 10 for tenth in range(1, 10)]]
        bins = [-np.inf, *np.nextafter(edges, np.inf), np.inf]
        expected = entropy(np.histogram(live, bins)[0] + 0.5, np.histogram(trained, bins)[0] + 0.5)
        assert one(column(*trained), column(*live)).kl_nats == pytest.approx(expected, rel=1e-12)


def test_kl__of_categories_equals_scipys_over_their_union() -> None:
    trained, live = CHANCE.choice(list("abcd"), 400), CHANCE.choice(list("bcde"), 300)
    expected = entropy([(live == c).sum() + 0.5 for c in "abcde"], [(trained == c).sum() + 0.5 for c in "abcde"])
    assert one(column(*trained), column(*live)).kl_nats == pytest.approx(expected, rel=1e-12)


def test_kl__asks_how_probable_live_is_under_training_not_the_other_way_round() -> None:
    live, reference = np.array([90, 10]), np.array([50, 50])
    assert kl_nats(live, reference) == pytest.approx(entropy([90.5, 10.5], [50.5, 50.5]))
    assert kl_nats(live, reference) != pytest.approx(kl_nats(reference, live))


# Bins


def test_bins__of_numbers_hold_a_tenth_of_training_each() -> None:
    assert counts(column(*range(1, 101)), column(*range(1, 101))) == ([10] * 10, [10] * 10)


def test_bins__have_open_ends() -> None:
    _, now = counts(column(*range(1, 101)), column(-(10**9), 10**9))
    assert (now[0], now[-1], sum(now)) == (1, 1, 2)


def test_edge__belongs_to_the_bin_below_it() -> None:
    _, now = counts(column(*range(1, 101)), column(10, 10.001))
    assert now[:2] == [1, 1]


def test_constant__has_a_bin_of_its_own_so_that_any_other_value_shows() -> None:
    assert counts(column(*[7] * 50), column(7, 7, 6.999, 7.001, 8)) == ([0, 50, 0], [1, 2, 2])
    assert one(column(*[7] * 300), column(*[8] * 300)).status is OVER
    assert one(column(*[7] * 300), column(*[7] * 300)).kl_nats == 0


def test_zeroes__that_several_deciles_fall_on_have_a_bin_of_their_own() -> None:
    trained = [0] * 60 + list(range(1, 41))
    before, now = counts(column(*trained), column(0, 0, -1, 0.5))
    assert (before[:2], now[:3]) == ([0, 60], [1, 2, 1])
    assert one(column(*trained), column(*[0] * 20, *range(1, 81))).status is OVER


def test_zeroes__leave_the_rest_ten_bins_of_its_own() -> None:
    trained = [0] * 920 + list(range(1, 81))
    before, now = counts(column(*trained), column(*trained))
    assert before == now == [0, 920, *[8] * 10]
    assert one(column(*trained), column(*[0] * 920, *(1000 * n for n in range(1, 81)))).status is OVER


def test_numbers__without_a_value_that_takes_two_tenths_have_exactly_ten_bins() -> None:
    for n in (10, 37, 200, 999):
        before, _ = counts(column(*CHANCE.permutation(n)), column(0))
        assert len(before) == 10
        assert max(before) - min(before) <= 1


def test_kl__of_data_with_an_atom_equals_scipys_over_the_same_bins() -> None:
    trained = np.append(np.zeros(600), CHANCE.exponential(size=400))
    live = np.append(np.zeros(500), CHANCE.exponential(1.5, size=300))
    rest = np.sort(trained[600:])[[40 * tenth - 1 for tenth in range(1, 10)]]
    bins = [-np.inf, 0, *np.nextafter([0, *rest], np.inf), np.inf]
    expected = entropy(np.histogram(live, bins)[0] + 0.5, np.histogram(trained, bins)[0] + 0.5)
    assert one(column(*trained), column(*live)).kl_nats == pytest.approx(expected, rel=1e-12)


def test_two_values__each_have_a_bin() -> None:
    assert counts(column(*[0, 1] * 50), column(0, 1, 1)) == ([0, 50, 0, 50, 0], [0, 1, 0, 2, 0])


def test_column__of_nine_numbers_in_ten_is_numeric_and_its_other_texts_are_missing() -> None:
    trained = distributions_of(column(*range(9), "unknown", None))["x"]
    assert isinstance(trained, NumericDistribution)
    assert trained.missing == 2
    assert isinstance(distributions_of(column(*range(8), "?", "unknown", None))["x"], CategoricalDistribution)
    result = one(column(*range(299), "?"), column(*range(500, 800)), minimum=200)
    assert (result.status, result.categorical, result.has_missing) == (OVER, False, True)
    assert isinstance(distributions_of(column("inf", "inf"))["x"], CategoricalDistribution)


def test_column__of_texts_in_training_is_categorical() -> None:
    assert isinstance(distributions_of(column("1", "2", "n/k"))["x"], CategoricalDistribution)
    assert isinstance(distributions_of(column("1", " 2 ", "3e4", None, "-.5"))["x"], NumericDistribution)
    assert isinstance(distributions_of(pd.DataFrame({"x": [True, False]}))["x"], CategoricalDistribution)


def test_missing__is_a_bin_when_either_side_has_any() -> None:
    assert counts(column("a", "b"), column("a", None)) == ([1, 1, 0], [1, 0, 1])
    assert counts(column("a", None), column("a", "a")) == ([1, 1], [2, 0])
    assert counts(column(1, 1), column(1, None, float("nan")))[1][-1] == 2


def test_live__what_is_no_finite_number_is_missing_in_a_numeric_feature() -> None:
    before, now = counts(column("1", "1", "1"), column("1", "one", "inf", "-inf", "1e999", "1"))
    assert (before, now) == ([0, 3, 0, 0], [0, 2, 0, 4])


def test_training__without_any_value_is_compared_by_whether_there_is_one() -> None:
    assert counts(column(None, None), column(None, "b", "3")) == ([0, 2], [2, 1])
    assert one(column(*[None] * 300), column(*["x"] * 300)).status is OVER


def test_category__that_training_never_had_is_a_bin_of_its_own() -> None:
    assert counts(column("a", "a", "b"), column("a", "c", "d", "d")) == ([2, 1, 0, 0], [1, 0, 2, 1])


def test_category__reads_the_same_from_text_and_from_numbers() -> None:
    trained = distributions_of(column("12", "7", "x"))["x"]
    live = pd.DataFrame({"x": [12.0, 7.0, None]})["x"]
    assert [side.tolist() for side in bin_counts(trained, live)[:2]] == [[1, 1, 1, 0], [1, 1, 0, 1]]


def test_ids__are_listed_up_to_a_number_and_the_rest_is_one_bin() -> None:
    trained = distributions_of(column(*(f"user-{n}" for n in range(MAX_CATEGORIES + 500))))["x"]
    assert isinstance(trained, CategoricalDistribution)
    assert (len(trained.counts), trained.other) == (MAX_CATEGORIES, 500)
    before, now, _ = bin_counts(trained, column("user-0", "new", "newer")["x"])
    assert (before[-1], now[-1], len(before)) == (500, 2, MAX_CATEGORIES + 1)


# What becomes of a feature


@pytest.mark.parametrize(("trained", "live"), [(199, 200), (200, 199)])
def test_rows__below_the_minimum_on_either_side_are_too_few(trained: int, live: int) -> None:
    result = one(column(*[1] * trained), column(*[2] * live), minimum=200)
    assert (result.status, result.kl_nats) == (DriftStatus.TOO_FEW, None)
    assert one(column(*[1] * 200), column(*[2] * 200), minimum=200).status is OVER


def test_ids__do_not_page_below_five_rows_a_category() -> None:
    def ids(n: int, start: int) -> pd.DataFrame:
        return column(*(f"user-{number}" for number in range(start, start + n)))

    result = one(ids(300, 0), ids(300, 300), minimum=200)
    assert (result.status, result.kl_nats) == (DriftStatus.TOO_FEW, None)
    many = column(*(f"c{n % 40}" for n in range(200)))
    assert one(many, many, minimum=200).status is OK
    assert one(column(*(f"c{n % 41}" for n in range(200))), many, minimum=200).status is DriftStatus.TOO_FEW


def test_ids__of_many_rows_are_never_judged_though_nearly_all_of_them_are_one_bin() -> None:
    trained = column(*(f"user-{n}" for n in range(5100)))
    result = one(trained, column(*(f"user-{n}" for n in range(9000, 14100))), minimum=200)
    assert (result.status, result.kl_nats) == (DriftStatus.TOO_FEW, None)
    assert result.problem == "5,100 categories of 5,100 rows in training: an id?"
    before = distributions_of(trained)["x"]
    assert isinstance(before, CategoricalDistribution)
    (older,) = compare({"x": replace(before, others=0)}, trained, threshold=0.1, min_samples=200)
    assert older.status is DriftStatus.TOO_FEW
    cities = column(*[f"town {n}" for n in range(1100)] * 5)
    assert one(cities, cities, minimum=200).status is OK


@pytest.mark.parametrize(
    ("trained", "live"),
    [
        ("True False", "1 0"),
        ("True False", "true false"),
        ("1 0", "True False"),
        ("1.5 2.5", "1,5 2,5"),
        ("DE FR", "Germany France"),
        ("DE FR", "'DE' 'FR'"),
        ("yes no", "1 0"),
    ],
)
def test_feature__with_no_value_in_common_is_an_error_and_not_a_divergence(trained: str, live: str) -> None:
    """One feature in types that are mixed up on the way: evidentlyai/evidently#329."""
    result = one(column(*trained.split() * 50), column(*live.split() * 50))
    assert (result.status, result.kl_nats, result.live_n) == (DriftStatus.ERROR, None, 100)
    assert "no value in common" in (result.problem or "")


def test_feature__of_typed_columns_with_no_value_in_common_is_an_error() -> None:
    booleans, numbers = pd.DataFrame({"x": [True, False] * 50}), pd.DataFrame({"x": [1, 0] * 50})
    assert one(booleans, numbers).status is DriftStatus.ERROR
    assert one(booleans, column("True", "False", "True")).status is not DriftStatus.ERROR


@pytest.mark.parametrize(("trained", "live"), [(["a", "b"], [None]), ([None], ["a", "b"]), ([None], [None])])
def test_feature__without_any_value_on_one_side_is_judged_by_its_missing_values(
    trained: list[str | None], live: list[str | None]
) -> None:
    result = one(column(*trained * 100), column(*live * 100))
    assert result.status is (OVER if trained != live else DriftStatus.OK)


def test_feature__with_one_value_in_common_is_judged() -> None:
    assert one(column(*["True", "False"] * 50), column(*["1", "0"] * 50, "True")).status is OVER


def test_text__in_some_rows_of_a_numeric_feature_counts_as_missing() -> None:
    result = one(column(*range(100)), column(*range(50), *["n/a"] * 50))
    assert (result.status, result.has_missing, result.live_shares[-1]) == (OVER, True, 0.5)


def test_feature__of_few_rows_or_of_ids_is_not_judged_and_so_no_error() -> None:
    assert one(column(*"ab" * 50), column("1", "2"), minimum=200).status is DriftStatus.TOO_FEW
    assert one(column(*(f"u{n}" for n in range(300))), column(*map(str, range(300)))).status is DriftStatus.TOO_FEW


def test_categories__that_training_never_had_cannot_hide_a_feature() -> None:
    trained = column(*"abcd" * 75)
    for kinds in (1, 10, 250, 300):
        result = one(trained, column("a", *(f"new {n % kinds}" for n in range(299))), minimum=200)
        assert result.status is OVER, kinds
        assert sum(result.live_shares[:4]) == pytest.approx(1 / 300, abs=1e-4)
    few = one(trained, column(*"abcd" * 70, *(f"new {n % 3}" for n in range(20))), minimum=200)
    assert len(few.live_shares) == 4 + 3
    many = one(trained, column(*"abcd" * 70, *(f"new {n}" for n in range(60)), None), minimum=200)
    assert (len(many.live_shares), many.has_missing) == (4 + 1 + 1, True)
    assert many.live_shares[4] == pytest.approx(60 / 341, abs=1e-4)


def test_threshold__is_over_only_beyond_it() -> None:
    trained, live = column(*[0, 1] * 200), column(*[0, 0, 0, 1] * 100)
    exact = one(trained, live).kl_nats
    assert exact is not None
    assert one(trained, live, threshold=exact).status is OK
    assert one(trained, live, threshold=np.nextafter(exact, 0)).status is OVER


def test_feature__that_one_side_lacks_is_an_error_and_never_0() -> None:
    trained = distributions_of(pd.DataFrame({"gone": ["a"] * 5, "same": ["b"] * 5}))
    result = {item.name: item for item in compare(trained, pd.DataFrame({"same": ["b"] * 5, "new": ["c"] * 5}),
                                                 threshold=0.1, min_samples=1)}  # fmt: skip
    assert {name: item.status for name, item in result.items()} == {
        "same": OK,
        "gone": DriftStatus.ERROR,
        "new": DriftStatus.ERROR,
    }
    assert result["gone"].kl_nats is None
    assert (result["gone"].reference_n, result["new"].live_n) == (5, 5)


def test_features__stand_with_the_worst_first_and_by_name() -> None:
    trained = pd.DataFrame({name: [0, 1] * 100 for name in ("b", "a", "worst", "gone")})
    live = pd.DataFrame({"a": [0, 1] * 100, "b": [0, 1] * 100, "worst": [0] * 200})
    result = compare(distributions_of(trained), live, threshold=0.1, min_samples=1)
    assert [item.name for item in result] == ["worst", "a", "b", "gone"]


@pytest.mark.parametrize(
    ("features", "status"),
    [
        ([OVER, DriftStatus.ERROR, OK, DriftStatus.TOO_FEW], OVER),
        ([DriftStatus.ERROR, OK, DriftStatus.TOO_FEW], DriftStatus.ERROR),
        ([OK, DriftStatus.TOO_FEW], OK),
        ([DriftStatus.TOO_FEW], DriftStatus.TOO_FEW),
        ([], DriftStatus.ERROR),
    ],
)
def test_status__is_the_worst_that_is_known(features: list[DriftStatus], status: DriftStatus) -> None:
    for order in itertools.permutations(features):
        assert status_of(FeatureDrift(name="x", status=item) for item in order) is status


def test_shares__add_up_to_one_and_keep_no_more_bins_than_a_picture_shows() -> None:
    many = [f"c{n % 60}" for n in range(900)]
    result = one(column(*many, None), column(*many[:450], *[None] * 50))
    for shares in (result.reference_shares, result.live_shares):
        assert len(shares) == MAX_SHOWN_BINS + 1
        assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert (result.folded, result.has_missing, result.categorical) == (True, True, True)
    assert result.live_shares[-1] == 0.1
    assert one(column(*range(100)), column(*range(100))).folded is False


def test_check__keeps_no_value_and_no_category() -> None:
    trained = pd.DataFrame({"secret": ["canary-one", "canary-two"] * 200, "number": [71234.5, 81234.5] * 200})
    result = compare(distributions_of(trained), trained, threshold=0.1, min_samples=1)
    assert "canary" not in repr(result)
    assert "1234" not in repr(result)


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3)), min_size=1, max_size=60))
def test_any_column__compared_with_itself_does_not_drift(values: list[Any]) -> None:
    result = one(column(*values), column(*values))
    assert result.kl_nats is None or (result.kl_nats == 0 and result.psi == 0)


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=3)), min_size=1, max_size=40),
       st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=3)), min_size=1, max_size=40))  # fmt: skip
def test_any_two_columns__count_every_row_once(trained: list[Any], live: list[Any]) -> None:
    before, now = counts(column(*trained), column(*live))
    assert (sum(before), sum(now), len(before)) == (len(trained), len(live), len(now))


# The same rows


def digest_of(rows: pd.DataFrame) -> str:
    return row_fingerprint(rows)[0]


def test_digest__is_of_the_rows_whatever_their_order() -> None:
    rows = pd.DataFrame({"a": ["1", "2", None], "b": ["x", "y", "z"]})
    assert digest_of(rows) == digest_of(rows.iloc[::-1]) == digest_of(rows[["b", "a"]])
    assert digest_of(rows) == digest_of(rows.assign(a=pd.Series(["1.00", " 2", None])))
    others = [rows.assign(a=["1", "2", "3"]), rows.iloc[:2], rows.rename(columns={"a": "c"}),
              rows.assign(b=["y", "x", "z"]), rows.assign(a=["1", "2", "n/k"])]  # fmt: skip
    assert len({digest_of(rows), *map(digest_of, others)}) == 6


def as_check(hours: float, rows: pd.DataFrame) -> DriftCheck:
    sample, sketch = row_fingerprint(rows)
    return a_drift_check(hours, over=True, sample=sample, sketch=sketch)


def ages(n: int) -> pd.DataFrame:
    return pd.DataFrame({"age": CHANCE.normal(size=n), "country": CHANCE.choice(list("abc"), n)})


def test_sample__that_was_changed_a_little_is_no_second_check() -> None:
    rows = ages(300)
    first = as_check(1, rows)
    changed = {
        "a row more": pd.concat([rows, ages(1)]),
        "a row less": rows.iloc[1:],
        "a row twice": pd.concat([rows, rows.iloc[:1]]),
        "every row twice": pd.concat([rows, rows]),
        "a third of other rows": pd.concat([rows.iloc[:200], ages(100)]),
        "written otherwise": rows.assign(age=rows["age"].map("{:+.25f}".format)),
    }
    for name, other in changed.items():
        assert trend(as_check(2, other), marks(first))[0] == as_check(2, other), name
    for other in (ages(300), pd.concat([rows.iloc[:60], ages(240)])):
        result, _ = trend(as_check(2, other), marks(first))
        assert result is not None
        assert result.status is DRIFT
    again, _ = trend(as_check(4, rows.iloc[2:]), marks(first, as_check(2, ages(300)), as_check(3, rows.iloc[1:])))
    assert again is not None
    assert again.status is DRIFT


def test_sample__of_many_equal_rows_is_known_by_its_digest_alone() -> None:
    few = [pd.DataFrame({"country": CHANCE.choice(list("abcdefgh"), 300)}) for _ in range(2)]
    assert as_check(1, few[0]).sketch == ""
    result, _ = trend(as_check(2, few[1]), marks(as_check(1, few[0])))
    assert result is not None
    assert result.status is DRIFT


def test_sketch__keeps_sixteen_bits_of_some_rows() -> None:
    sketch = as_check(1, ages(5000)).sketch
    assert len(sketch) == 64 * 4
    assert int(sketch, 16)


@pytest.mark.matrix
def test_sketches__of_ten_thousand_checks_are_compared_at_once() -> None:
    past = [replace(marks(as_check(0, ages(80)))[0], at=at(hour), sample=str(hour)) for hour in range(-300, 0)]
    past += [replace(mark, at=at(hour), sketch="", sample=f"old {hour}") for hour, mark in enumerate(past * 30, -20000)]
    check = as_check(1, ages(80))
    few, many = _cpu_seconds(lambda: trend(check, past[-1000:])), _cpu_seconds(lambda: trend(check, past))
    assert many <= 40 * few  # nine times as many marks


def _cpu_seconds(work: Callable[[], object]) -> float:
    """The least CPU time of three tries, which a busy machine does not change."""
    tries = []
    for _ in range(3):
        begun = time.process_time()
        work()
        tries.append(time.process_time() - begun)
    return min(tries)


# Two checks running


def marks(*checks: DriftCheck) -> list[PastDriftCheck]:
    return [mark for check in checks if (mark := past_check(check)) is not None]


def after(*overs: bool) -> tuple[DriftStatus, bool]:
    """Status and healing of the last of these checks, an hour apart, each of rows of its own."""
    checks = [a_drift_check(hour, over=over) for hour, over in enumerate(overs)]
    result, healed = trend(checks[-1], marks(*checks[:-1]))
    assert result is not None
    return result.status, healed


def test_drift__is_over_in_two_checks_running() -> None:
    assert after(True) == (OVER, False)
    assert after(True, True) == (DRIFT, False)
    assert after(True, False, True) == (OVER, False)
    assert after(False, True, True, True) == (DRIFT, False)


def test_drift__is_of_one_feature_that_stays_over_and_not_of_another_one_each_time() -> None:
    (age,) = a_drift_check(over=True).features
    first = a_drift_check(1, over=True)
    other = a_drift_check(2, over=True, features=(replace(age, name="income"),))
    both = a_drift_check(3, over=True, features=(replace(age, name="income"), replace(age, name="age", kl_nats=0.2)))
    assert trend(other, marks(first))[0] == other
    assert trend(both, marks(first))[0] == replace(both, status=DRIFT)
    assert trend(both, [replace(mark, features=()) for mark in marks(first)])[0] == replace(both, status=DRIFT)
    assert trend(a_drift_check(3), marks(first, other))[1] is False


def test_mark__of_more_features_than_it_can_name_names_none_so_that_two_over_are_drift() -> None:
    (age,) = a_drift_check(over=True).features
    many = tuple(replace(age, name=f"f{n}") for n in range(MAX_NAMED_FEATURES + 1))
    (mark,) = marks(a_drift_check(1, over=True, features=many))
    assert mark.features == ()
    assert len(marks(a_drift_check(1, over=True, features=many[1:]))[0].features) == MAX_NAMED_FEATURES
    assert trend(a_drift_check(2, over=True), [mark])[0] == replace(a_drift_check(2, over=True), status=DRIFT)


def test_healed__is_not_over_in_two_checks_running_so_that_one_good_check_ends_no_alert() -> None:
    assert after(False) == (OK, False)
    assert after(True, True, False) == (OK, False)
    assert after(True, True, False, True) == (OVER, False)
    assert after(True, True, False, False) == (OK, True)


def test_same_rows__checked_again_are_no_second_check() -> None:
    again = a_drift_check(2, over=True, sample="one")
    result, _ = trend(again, marks(a_drift_check(1, over=True, sample="one")))
    assert result is not None
    assert result.status is OVER
    between = marks(a_drift_check(1, over=True, sample="one"), a_drift_check(2, over=False))
    assert trend(a_drift_check(3, over=True, sample="one"), between)[0] == a_drift_check(3, over=True, sample="one")
    calm = a_drift_check(2, sample="one")
    assert trend(calm, marks(a_drift_check(1, sample="one")))[1] is False


def test_same_rows__judged_anew_count_as_last_judged() -> None:
    """The threshold was raised: what was over no longer is."""
    past = marks(a_drift_check(1, over=True, sample="one"), a_drift_check(2, over=False, sample="one"))
    assert trend(a_drift_check(3, over=True), past)[0] == a_drift_check(3, over=True)
    assert trend(a_drift_check(3), past)[1] is True


def test_drift__stays_when_its_run_is_repeated() -> None:
    first, second = a_drift_check(1, over=True), a_drift_check(2, over=True, sample="two")
    again = a_drift_check(3, over=True, sample="two")
    result, _ = trend(again, marks(first, second, again))
    assert result is not None
    assert result.status is DRIFT


def test_marks__of_another_model_or_of_later_do_not_count() -> None:
    other, later = a_drift_check(0, over=True, model="ranker"), a_drift_check(9, over=True)
    assert trend(a_drift_check(1, over=True), marks(other, later))[0] == a_drift_check(1, over=True)


@pytest.mark.parametrize("status", [DriftStatus.ERROR, DriftStatus.TOO_FEW])
def test_check__that_judged_nothing_leaves_no_mark_and_changes_no_trend(status: DriftStatus) -> None:
    broken = a_drift_check(3, status=status)
    assert past_check(broken) is None
    result, healed = trend(broken, marks(a_drift_check(1, over=True), a_drift_check(2, over=True)))
    assert (result, healed) == (broken, False)
    assert trend(broken, marks(a_drift_check(1), a_drift_check(2)))[1] is True
    assert past_check(None) is None
    assert trend(None, marks(a_drift_check(1), a_drift_check(2))) == (None, False)


MARKS = st.builds(
    PastDriftCheck,
    model=st.sampled_from(["recommender", "ranker"]),
    at=st.integers(0, 6).map(at),
    over=st.booleans(),
    sample=st.sampled_from(["one", "two", "three"]),
    features=st.sampled_from([(), ("age",), ("income", "age"), ("income",)]),
    sketch=st.sampled_from(["", "0001000200030004", "0002000300040005", "000400050006"]),
)


@given(st.lists(MARKS, max_size=12), st.lists(MARKS, max_size=12))
def test_marks__merge_in_any_order_and_to_the_same_trend(
    some: list[PastDriftCheck], others: list[PastDriftCheck]
) -> None:
    union = first_and_last([*some, *others])
    assert union == first_and_last([*first_and_last(others), *first_and_last(some), *some]) == first_and_last(union)
    for check in (a_drift_check(7, over=True), a_drift_check(7), a_drift_check(7, over=True, sample="one")):
        assert trend(check, union) == trend(check, [*others, *some, *others])


def test_marks__of_the_same_rows_each_hour_do_not_pile_up() -> None:
    hourly = [replace(mark, at=at(hour)) for hour in range(400) for mark in marks(a_drift_check(0, sample="one"))]
    assert [mark.at for mark in first_and_last(hourly)] == [at(0), at(399)]


def test_text_of_a_csv__gives_the_same_reference_as_typed_columns() -> None:
    typed = pd.DataFrame({"x": CHANCE.normal(size=300), "c": CHANCE.choice(list("ab"), 300)})
    read = pd.read_csv(io.StringIO(typed.to_csv(index=False)), dtype=str)
    assert distributions_of(read) == distributions_of(typed)
