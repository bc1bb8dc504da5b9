"""Rows of Table 2 that are held against each other, recounted image by image."""

import numpy as np
import pytest

from zfhelpers.experiments.intervals import over_images
from zfhelpers.networks.trained import Network
from zfhelpers.results import averages
from zfhelpers.results.averages import PUBLISHED, WORDS, Averages
from zfhelpers.results.ensembles import table2

NETWORKS = [Network("alexnet", 0), *(Network("zfnet", seed) for seed in range(3)), Network("zfnet-wide", 0)]


@pytest.fixture
def found():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 60)
    views = {network: rng.dirichlet(np.ones(4), (60, 10)).astype(np.float32) for network in NETWORKS}
    return Averages(table2(views, labels), views, labels, recorded=False)


def test_a_difference_is_counted_image_by_image(found):
    def missed(network):
        answers = [max(range(4), key=lambda c: sum(views[:, c])) for views in found.views[network]]
        return np.array([100.0 * (answer != label) for answer, label in zip(answers, found.labels, strict=True)])

    ours = np.mean([missed(network) for network in NETWORKS[1:4]], axis=0)
    points, images, trainings = found.apart("replication", "one", "ten crops")
    assert points == pytest.approx((missed(NETWORKS[0]) - ours).mean())
    assert images == pytest.approx(over_images(missed(NETWORKS[0]) - ours))
    assert trainings[0] < points < trainings[1]
    assert sum(trainings) / 2 == pytest.approx(points)


def test_a_record_has_no_images_to_draw_anew(found):
    recorded = Averages(found.table, {}, found.labels, recorded=True)
    assert recorded.apart("replication", "one", "one crop").images is None


def test_rows_are_those_of_the_paper(found):
    assert WORDS.keys() == PUBLISHED.keys() == found.rows.keys()
    assert [found.paper(row) for row in WORDS] == [40.5, 38.4, 36.7, 37.5, 36.0]
    assert len(found.standings().lines) == 5
    alone = Averages(table2({NETWORKS[4]: found.views[NETWORKS[4]]}, found.labels), {}, found.labels, recorded=False)
    assert len(alone.standings().lines) == 1


def test_where_networks_are_missing_the_record_is_read(found, monkeypatch):
    monkeypatch.setattr(averages, "trained", lambda world: {NETWORKS[0]: "alexnet-0"})
    monkeypatch.setattr(averages, "say_record", lambda world, table: found.table)
    monkeypatch.setattr(averages, "table2_views", lambda world, networks, most, seed: (networks, found.labels))
    read = averages.judged_averages("toy", 60)
    assert (read.recorded, read.table, list(read.views)) == (True, found.table, NETWORKS[:1])
