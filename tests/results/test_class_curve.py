"""The answers against plain sums, interval by interval, and what is said where networks are missing."""

import numpy as np
import pytest
from scipy import stats

from zfhelpers.results import class_curve, class_tables
from zfhelpers.results.class_curve import ClassCurve, Estimate, lacking

COUNTS, LAYERS = (5, 10, 20, 50), range(1, 8)
SCRATCH = {"15": [26.0, 25.0, 27.0], "30": [32.0, 31.0, 34.0]}


def network(name, kind, classes, draw, layers=LAYERS, lift=0.0):
    rng = np.random.default_rng(len(name) * 100 + classes * 7 + (draw or 0))
    level = lift + 2.0 * np.log2(classes or 1)
    rows = {
        count: {f"SVM ({n})": {"each": list(less + level + 4 * abs(n - 2) * -1 + rng.normal(0, 0.3, 3))} for n in layers}
        for count, less in (("15", 34.0), ("30", 40.0))
    }
    return {"network": name, "kind": kind, "classes": classes, "draw": draw, "rows": rows, "spearman": {"15": 0.1, "30": draw}}


def record(counts=COUNTS, draws=range(3)):
    nets = [network(f"classes/{n}-{d}", "classes", n, d) for d in reversed(draws) for n in counts]
    nets += [network(f"images/50-{d}", "images", 50, d, lift=1.0) for d in draws]
    nets += [
        network("untrained", "beside", 0, None, lift=-5),
        network("torchvision:squeezenet1_1", "beside", 1000, None, range(1, 6)),
    ]
    nets += [
        network("controls/imagenette-0", "controls", 10, 0),
        network("controls/imagenette-64px-0", "controls", 10, 0, lift=-2),
    ]
    return ClassCurve(nets, SCRATCH, 50, ["classes/200-0"])


def values(curve, classes, layer, count, kind="classes"):
    """(draws, divisions), looked up one by one."""
    found = {net["draw"]: net for net in curve.networks if (net["kind"], net["classes"]) == (kind, classes)}
    return np.array([found[draw]["rows"][str(count)][f"SVM ({layer})"]["each"] for draw in sorted(found)])


@pytest.mark.parametrize(("layer", "count"), [(7, 30), (2, 15)])
def test_a_lead_has_an_interval_over_draws_and_one_over_divisions(layer, count):
    curve = record()
    more = values(curve, 20, layer, count) - np.array(SCRATCH[str(count)])
    found = curve.lead(20, layer, count)
    draws = stats.ttest_1samp(more.mean(axis=1), 0).confidence_interval()
    each = more.mean(axis=0)  # of every division
    reach = stats.t.ppf(0.975, 2) * each.std(ddof=1) * (1 / 3 + 50 / count) ** 0.5
    assert found.mean == pytest.approx(more.mean())
    assert found.draws == pytest.approx((draws.low, draws.high))
    assert found.divisions == pytest.approx((each.mean() - reach, each.mean() + reach))
    assert found.span == (min(found.draws[0], found.divisions[0]), max(found.draws[1], found.divisions[1]))


def test_ahead_for_certain_means_by_both_intervals():
    assert Estimate(2.0, (1.0, 3.0), (0.5, 3.5)).ahead is True
    assert Estimate(2.0, (1.0, 3.0), (-0.5, 4.5)).ahead is Estimate(2.0, (-0.5, 4.5), (1.0, 3.0)).ahead is None
    assert Estimate(2.0, None, None).ahead is None
    assert Estimate(2.0, None, None).span == (2.0, 2.0)


def test_borrowed_overtakes_scratch_where_it_stays_ahead():
    curve = record()
    for layer in LAYERS:
        ahead = [bool(curve.lead(n, layer, 30).ahead) for n in COUNTS]
        expected = next((n for place, n in enumerate(COUNTS) if all(ahead[place:])), None)
        assert curve.overtakes(layer, 30) == expected
    assert curve.overtakes(2, 30) == 5
    assert curve.overtakes(7, 30) is None
    dip = record()
    for net in dip.networks:  # one count behind, those before it ahead
        if net["kind"] == "classes" and net["classes"] == 20:
            net["rows"]["30"]["SVM (2)"]["each"] = [10.0, 10.1, 10.2]
    assert dip.overtakes(2, 30) == 50


def test_best_layer_what_layer_7_lacks_and_the_order_of_layers():
    curve = record()
    assert curve.best(10, 30) == 2
    less = values(curve, 10, 2, 30) - values(curve, 10, 7, 30)
    assert curve.specialised(10, 30).mean == pytest.approx(less.mean())
    assert curve.orders(10, 30) == [0, 1, 2]  # in the order of the draws


def test_points_a_doubling_are_the_slope_of_least_squares():
    curve = record()
    slopes = [np.polyfit(np.log2(COUNTS), [values(curve, n, 5, 30)[draw].mean() for n in COUNTS], 1)[0] for draw in range(3)]
    found = curve.doubling(5, 30)
    assert found.mean == pytest.approx(np.mean(slopes))
    ends = stats.ttest_1samp(slopes, 0).confidence_interval()
    assert found.draws == pytest.approx((ends.low, ends.high))
    assert np.isnan(record(counts=(5,)).doubling(5, 30).mean)


def test_a_slope_leaves_out_a_count_with_fewer_draws():
    curve = record()
    fewer = [net for net in curve.networks if net["network"] != "classes/50-2"]
    assert ClassCurve(fewer, SCRATCH, 50, []).doubling(5, 30) == record(counts=COUNTS[:3]).doubling(5, 30)


def test_a_slope_takes_one_draw_of_each_where_one_count_alone_has_more():
    curve = record()
    fewer = [net for net in curve.networks if net["classes"] == 50 or not net["draw"]]
    assert ClassCurve(fewer, SCRATCH, 50, []).doubling(5, 30) == record(draws=range(1)).doubling(5, 30)


@pytest.mark.parametrize("lacking", [(), ("images/50-1", "images/50-2"), ("classes/20-0",)])
def test_as_many_images_of_more_classes_are_compared_with_however_many_draws_there_are(lacking):
    whole = record()
    curve = ClassCurve([net for net in whole.networks if net["network"] not in lacking], SCRATCH, 50, lacking)
    first, second = values(curve, 50, 5, 30, "images").mean(axis=1), values(curve, 20, 5, 30).mean(axis=1)
    groups = [values(curve, n, 5, 30).mean(axis=1) for n in COUNTS]
    freedom = sum(len(group) - 1 for group in groups)
    spread = (sum((len(group) - 1) * group.var(ddof=1) for group in groups) / freedom) ** 0.5
    reach = stats.t.ppf(0.975, freedom) * spread * (1 / len(first) + 1 / len(second)) ** 0.5
    found, mean = curve.spread_out(5, 30), first.mean() - second.mean()
    assert (found.mean, *found.draws) == pytest.approx((mean, mean - reach, mean + reach))


def test_nothing_is_compared_with_networks_that_are_not_there():
    assert record(counts=(5, 10)).spread_out(5, 30) is None


def test_a_control_scatters_as_the_draws_of_all_counts_do():
    curve = record()
    first, second = (curve.of(f"controls/imagenette-{name}", 5, 30) for name in ("64px-0", "0"))
    found = curve.control("controls/imagenette-64px-0", "controls/imagenette-0", 5, 30)
    groups = [values(curve, n, 5, 30).mean(axis=1) for n in COUNTS]
    spread = (np.mean([group.var(ddof=1) for group in groups])) ** 0.5  # groups of one size
    reach = stats.t.ppf(0.975, 8) * spread * 2**0.5
    assert found.mean == pytest.approx((first - second).mean())
    assert found.draws == pytest.approx((found.mean - reach, found.mean + reach))
    assert curve.control("controls/without-caltech101-0", "classes/20-0", 5, 30) is None
    assert curve.control("controls/imagenette-0", "classes/200-0", 5, 30) is None


def test_a_control_is_held_against_all_draws_of_as_many_classes():
    curve = record()
    drawn, groups = values(curve, 10, 5, 30), [values(curve, n, 5, 30).mean(axis=1) for n in COUNTS]
    found = curve.control("controls/imagenette-64px-0", 10, 5, 30)
    mean = curve.of("controls/imagenette-64px-0", 5, 30).mean() - drawn.mean()
    reach = stats.t.ppf(0.975, 8) * np.mean([group.var(ddof=1) for group in groups]) ** 0.5 * (1 + 1 / len(drawn)) ** 0.5
    assert (found.mean, *found.draws) == pytest.approx((mean, mean - reach, mean + reach))
    assert curve.control("controls/imagenette-64px-0", 200, 5, 30) is None


def test_a_layer_that_a_network_has_not():
    assert record().of("torchvision:squeezenet1_1", 7, 30) is None
    assert record().of("nobody", 1, 30) is None


def test_a_network_beside_the_curve_has_the_same_answers_from_its_divisions():
    curve = record()
    found = curve.beside("torchvision:squeezenet1_1", 30)
    each = {layer: curve.of("torchvision:squeezenet1_1", layer, 30) for layer in range(1, 6)}
    assert (found.best, found.last) == (2, 5)
    assert found.specialised.mean == pytest.approx((each[2] - each[5]).mean())
    lead = each[5] - np.array(SCRATCH["30"])
    reach = stats.t.ppf(0.975, 2) * lead.std(ddof=1) * (1 / 3 + 50 / 30) ** 0.5
    assert found.last_lead.draws is None
    assert found.last_lead.divisions == pytest.approx((lead.mean() - reach, lead.mean() + reach))
    assert found.best_lead.mean == pytest.approx((each[2] - np.array(SCRATCH["30"])).mean())
    assert curve.beside("nobody", 30) is None


def test_tables_have_a_row_for_everything_on_record():
    curve = record()
    lines = class_tables.accuracies(curve, 30).lines
    assert [line[0] for line in lines[1:]] == [
        *(f"{n} classes" for n in COUNTS), "untrained", "SqueezeNet, ImageNet", "from scratch, layer 8"
    ]  # fmt: skip
    assert lines[2][5] == class_tables._spread(values(curve, 10, 5, 30).mean(axis=1))
    assert lines[-2][6:] == ["-", "-"]
    answers = class_tables.answers(curve, 15).lines
    assert [line[0] for line in answers[1:]] == [*(f"{n} classes" for n in COUNTS), "untrained", "SqueezeNet, ImageNet"]
    assert answers[-1][1] == "2"
    found = {line[0]: line[1:] for line in class_tables.turns(curve, (15, 30)).lines[1:]}
    assert found["layer 2"][1] == "5"
    assert found["layer 7"][1] == "not in this curve"
    asked = class_tables.controls(curve, 30).lines
    assert asked[2][1:] == ["not trained yet"] * 3
    less = curve.of("controls/imagenette-64px-0", 2, 30) - curve.of("controls/imagenette-0", 2, 30)
    assert asked[3][1].startswith(f"{less.mean():.1f} (")


def test_a_panel_says_which_counts_are_missing():
    panel = class_tables.panel(record(), 30)
    assert panel["missing"] == [100, 200]
    assert list(panel["curves"]) == ["layer 2", "layer 5", "layer 7"]
    mean, low, high = panel["curves"]["layer 5"][20]
    assert low < mean < high
    assert panel["marks"]["untrained"][0] == 0
    assert panel["marks"]["the paper, softmax on layer 7"] == (1000, {"layer 7": 86.5})
    assert set(panel["marks"]["SqueezeNet, ImageNet"][1]) == {"layer 2", "layer 5"}
    assert panel["band"][0] < np.mean(SCRATCH["30"]) < panel["band"][1]


def test_without_a_record_one_sentence_says_so(monkeypatch):
    def none(world, table):
        raise FileNotFoundError("There is no record; such a command makes one.")

    monkeypatch.setattr(class_curve, "read_record", none)
    assert lacking().endswith("what was measured of them. There is no record; such a command makes one.")
    card = {"networks": [], "scratch": SCRATCH, "test_per_class": 50, "missing": ["x"]}
    monkeypatch.setattr(class_curve, "read_record", lambda world, table: card)
    assert lacking() == ""
    assert class_curve.recorded().missing == ["x"]
