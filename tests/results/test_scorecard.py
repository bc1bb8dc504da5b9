"""The card made of records: it agrees with every notebook, and with nothing else than what is on record."""

import itertools
import json
import re
from dataclasses import replace

import nbformat
import pytest

from zfhelpers.files import project_dir
from zfhelpers.paper.expectations import Decided, Expectation, Record, read_file
from zfhelpers.paper.published import claims
from zfhelpers.results import scorecard
from zfhelpers.results.rules import RULES, NotOnRecord, decide
from zfhelpers.results.scorecard import NOT_RUN, Claims, Scorecard, Seen, about, judge

ON_RECORD = [read_file(path) for path in sorted(scorecard.records_dir().glob("*/*.json"))]
DECIDED = [(record, claim) for record in ON_RECORD for claim in record.verdicts]
NAMES = [f"{record.world} {record.network} {claim}" for record, claim in DECIDED]
CLEARER = "gradient minus deconvnet, spread"


def record(low, high, own="holds", **more):
    value = Expectation((low + high) / 2, 0.1, {}, "points", (low, high), "less clear")
    return Record(
        "02_the_deconvnet", "toy", numbers={CLEARER: value}, verdicts={"20": Decided(own, "It is.", {"0": own})}, **more
    )


@pytest.mark.parametrize(("found", "claim"), DECIDED, ids=NAMES)
def test_notebook_and_rule_agree_on_every_record(found, claim):
    judged = judge(claim, found)
    assert judged.again == (claim in RULES), "what a rule needs is on record"
    assert judged.verdict == found.verdicts[claim].verdict


# Without this number a rule leaves its claim open, whatever else is on record: planted, it decides.
WANTED = {"4": "largest filter over the median one, where no cap has acted"}


def planted(found, asked):
    """The numbers that a rule asked, changed: one by one, all alike, and where they are few each to something of its own."""
    choices = {}
    for name in asked:
        each = found.numbers[name]
        half = (each.interval[1] - each.interval[0]) / 2 if each.interval else None
        places = [(to, to, to) if half is None else (to, to - half, to + half) for to in (-1e4, 0.0, 1e4)]
        places += [] if half is None else [(each.value, -1e6, 1e6)]
        choices[name] = [replace(each, value=at, interval=None if half is None else (low, high)) for at, low, high in places]
    yield from ({name: other} for name in asked for other in choices[name])
    yield from ({name: choices[name][min(at, len(choices[name]) - 1)] for name in asked} for at in range(4))
    if len(asked) <= 6:
        yield from (dict(zip(asked, others, strict=True)) for others in itertools.product(*choices.values()))


@pytest.mark.parametrize(
    ("found", "claim"), [each for each in DECIDED if each[1] in RULES], ids=[name for name in NAMES if name.split()[-1] in RULES]
)
def test_a_planted_change_of_recorded_numbers_changes_the_verdict(found, claim):
    before, asked = decide(claim, found.numbers)
    changed = list(planted(found, asked))
    if claim in WANTED and WANTED[claim] not in found.numbers:
        changed = [{WANTED[claim]: Expectation(to, 0.1, {})} for to in (0.0, 1e4)]
    assert any(decide(claim, found.numbers | changes)[0] != before for changes in changed)


def test_a_planted_change_reaches_the_card():
    assert judge("20", record(0.5, 1.0)).verdict == "holds"
    assert judge("20", record(-0.5, 1.0)).verdict == "open here"
    assert judge("20", record(-1.0, -0.5)).verdict == "does not hold"
    assert judge("20", record(-1.0, -0.5)).own == "holds"


def test_what_no_number_decides_is_the_notebooks_own():
    own = Record(
        "03_training", "toy", verdicts={"12": Decided("open here", "Of such networks there is none.", {"0": "open here"})}
    )
    judged = judge("12", own)
    assert (judged.verdict, judged.again, judged.why) == ("open here", False, "Of such networks there is none.")
    assert "open here°" in scorecard.in_html(judged)


def test_what_is_missing_is_not_run():
    assert judge("20", None).verdict == NOT_RUN
    lacking = Record("08_occlusion", "imagenette", needs={"5  It": "it needs to know where the objects are."})
    assert judge("8", lacking) == scorecard.Judged(NOT_RUN, why="It needs to know where the objects are.")
    old = Record("02_the_deconvnet", "toy", numbers={CLEARER: Expectation(0.9, 0.1, {})})
    assert judge("20", old).verdict == NOT_RUN, "from before intervals were kept"
    seen = Seen("folder:/a", "mine.py:net")
    card = scorecard.scorecard(("folder:/a", "mine.py:net"))
    assert card.counts(seen) == {"holds": 0, "does not hold": 0, "open here": 0, NOT_RUN: len(claims())}
    assert Scorecard({}).seen == []


def test_a_seed_that_decides_otherwise_is_said():
    judged = judge("20", replace(record(0.5, 1.0), verdicts={"20": Decided("holds", "", {"0": "holds", "1": "open here"})}))
    assert judged.otherwise == {"1": "open here"}
    assert "seed 1: open here" in scorecard.in_html(judged)


def test_groups_have_every_claim_once():
    toy, photos = Seen("toy"), Seen("imagenette")

    def card(*ends):
        return Scorecard({seen: {"02_the_deconvnet": record(*each)} for seen, each in zip((toy, photos), ends, strict=True)})

    assert card((0.5, 1.0), (0.4, 1.0)).group("20") == "holds everywhere"
    assert card((0.5, 1.0), (-1.0, 1.0)).group("20") == "holds in some"
    assert card((-2.0, -1.0), (-1.0, 1.0)).group("20") == "does not hold"
    assert card((-2.0, 1.0), (-1.0, 1.0)).group("20") == "nobody can decide here"
    groups = card((0.5, 1.0), (0.4, 1.0)).groups()
    assert sorted(claim for each in groups.values() for claim in each) == sorted(claims())
    assert dict(card((0.5, 1.0), (-1.0, 1.0)).open())["20"] == [photos]


def test_nearness_counts_numbers_of_the_paper():
    numbers = {
        "in": Expectation(10.0, 0, {}, "%", (5.0, 15.0), 14.0),
        "near": Expectation(10.0, 0, {}, "%", None, 10.5),
        "far": Expectation(10.0, 0, {}, "%", (9.0, 11.0), 20.0),
        "words": Expectation(10.0, 0, {}, "%", (9.0, 11.0), "less"),
    }
    seen = Seen("toy")
    card = Scorecard({seen: {"02_the_deconvnet": Record("02_the_deconvnet", "toy", numbers=numbers)}})
    assert card.nearness(seen) == {"both": 3, "with an interval": 2, "in it": 1, "near": 1}


def test_the_table_has_verdict_number_paper_and_reason():
    card = Scorecard({Seen("toy"): {"02_the_deconvnet": record(0.5, 1.0)}})
    table = Claims(card, ["20"], "Holds")
    assert str(table) == "Holds\nclaim  toy\n20     holds"
    shown = table._repr_html_()
    assert f"<b>holds</b><br><small>{CLEARER}: 0.75 points (0.5 to 1)</small>" in shown
    assert 'href="02_the_deconvnet.ipynb"' in shown
    assert claims()["20"].decided_by in shown


@pytest.fixture
def records(tmp_path, monkeypatch):
    (tmp_path / "toy").mkdir()
    monkeypatch.setattr(scorecard, "records_dir", lambda: tmp_path)
    return tmp_path / "toy"


def test_records_are_found_by_what_they_say_they_are(records):
    later = {"notebook": "13_open_questions", "world": "folder:/x", "network": "torchvision:vgg16", "numbers": {}}
    (records / "a.json").write_text(json.dumps(later))
    (records / "b.json").write_text(json.dumps({**later, "world": "tinyimagenet", "network": "zfnet"}))
    assert [seen.label for seen in scorecard.scorecard().seen] == ["tinyimagenet", "folder:/x, vgg16"]


def test_a_broken_file_is_refused_in_one_sentence(records):
    (records / "02_the_deconvnet.json").write_text('{"notebook": "02_the_deconvnet", "world": "toy", "numbers": 3}')
    with pytest.raises(ValueError, match=r"^\S*02_the_deconvnet\.json' is no record of expected numbers: [^\n]*\.$"):
        scorecard.scorecard()


def test_every_claim_has_its_notebook_and_two_sentences():
    assert [*about()] == [*claims()]
    sources = {path.stem: nbformat.read(path, 4) for path in (project_dir() / "notebooks").glob("*.ipynb")}
    for claim, written in about().items():
        code = "\n".join(cell.source for cell in sources[written.notebook].cells if cell.cell_type == "code")
        number = f'"{claim}"' if claim.startswith("S") else claim
        assert re.search(rf"zf\.claim\(\s*{number},", code), claim
        for sentence in (written.differs, written.closes):
            assert sentence.endswith("."), (claim, sentence)
            assert len(sentence) > 40, (claim, sentence)


def test_without_a_rule_nothing_is_decided_again():
    with pytest.raises(NotOnRecord):
        decide("18", {})
