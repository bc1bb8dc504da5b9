"""The report as its readers meet it: opened from a disk in a real browser, without a network, wide, narrow, dark and printed."""

import itertools
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.report.kinds import LINE, make_report
from tests.test_browser import CHROMIUM, FLAGS, sync_api
from zfhelpers.files import project_dir

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="it needs axe: pip install axe-playwright-python")

COURSE = project_dir() / "notebooks" / "05_feature_evolution.ipynb"
WIDE, NARROW = 1280, 390  # pixels
SECONDS = 10  # for one thing to happen, also on a busy machine
PAGES = ["index", "01_kinds", COURSE.stem, "failed/06_broken"]

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the browser test needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not COURSE.exists(), reason="notebook 05 is not there"),
]


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Path:
    return make_report(tmp_path_factory.mktemp("project"), COURSE)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def reader(browser, reports):
    """Opens a page of the report from the disk; what goes wrong in its script fails the test."""
    errors = []

    @contextmanager
    def opened(name: str, width: int = WIDE, scheme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_offline(True)
        page = context.new_page()
        page.set_default_timeout(1000 * SECONDS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((reports / f"{name}.html").as_uri())
        yield page
        context.close()

    yield opened
    assert errors == []


def unfold(page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


@pytest.mark.parametrize(("scheme", "width"), [("light", WIDE), ("dark", NARROW)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(reader, name, scheme, width):
    with reader(name, width, scheme) as page:
        unfold(page)
        found = axe.Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []


@pytest.mark.parametrize("name", PAGES)
def test_headings_come_in_order_below_one_title(reader, name):
    with reader(name) as page:
        levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((each) => Number(each.tagName[1]))")
        assert levels.count(1) == 1 == levels[0]
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_window_scrolls_down_alone(reader, name):
    with reader(name, NARROW) as page:
        for _ in range(2):
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
            unfold(page)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("01_kinds", [".stack tr:has-text('top-1 error') >> text=16.5", "text=one crop of each image", "text=40.5"]),
        ("index", [".claims >> text=does not hold", "text=open here >> visible=true", ".claims td >> text=01"]),
    ],
)
def test_a_narrow_window_shows_what_the_paper_has_and_the_verdict(reader, name, cells):
    with reader(name, NARROW) as page:
        for cell in cells:
            box = page.locator(cell).first.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= NARROW


def test_reasons_are_a_tap_away_where_there_is_little_room(reader):
    with reader("index", NARROW) as page:
        reason = page.get_by_text("It fell by half.")
        assert not reason.is_visible()
        page.locator(".why summary").first.click()
        page.locator(".why summary").nth(1).click()
        assert reason.is_visible()
    with reader("index") as page:
        assert page.get_by_text("It fell by half.").is_visible()


@pytest.mark.parametrize("name", PAGES[1:3])
def test_a_wide_window_cuts_no_code_and_no_figure(reader, name):
    """A line may have 88 letters, in a cell and in an answer."""
    with reader(name) as page:
        unfold(page)
        cut = """[...document.querySelectorAll('.highlight pre')].filter((each) => each.scrollWidth > each.clientWidth)
            .map((each) => Math.max(...each.innerText.split('\\n').map((line) => line.length)))"""
        shown = page.evaluate("[...document.querySelectorAll('.highlight pre')].filter((each) => each.clientWidth > 0).length")
        assert shown >= 5
        assert all(longest > 88 for longest in page.evaluate(cut))
        right = page.evaluate("document.querySelector('main').getBoundingClientRect().right")
        edges = page.evaluate("[...document.querySelectorAll('main img')].map((each) => each.getBoundingClientRect().right)")
        assert edges
        assert max(edges) <= right + 0.5
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDE


def test_an_88_letter_line_fits_and_a_longer_one_can_be_scrolled_by_keyboard(reader):
    assert len(LINE) == 88
    with reader("01_kinds") as page:
        unfold(page)
        answer = page.locator("details:not(.code) pre")
        assert answer.evaluate("(each) => each.scrollWidth <= each.clientWidth")
        long = page.locator(".code pre").nth(1)
        assert long.evaluate("(each) => each.scrollWidth > each.clientWidth")
        long.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("(each) => each.scrollLeft > 0", arg=long.element_handle())


@pytest.mark.parametrize("name", PAGES[1:3])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_contents_lead_to_every_section(reader, name, width):
    with reader(name, width) as page:
        beside, folded = page.locator("nav.beside"), page.locator("details.contents")
        assert beside.is_visible() == (width == WIDE)
        assert folded.is_visible() == (width == NARROW)
        links = (beside if width == WIDE else folded).get_by_role("link", include_hidden=True)
        sections = page.locator("main h2, main h3")
        assert links.count() == sections.count() >= 4
        for number in range(links.count()):
            if width == NARROW:
                folded.evaluate("(each) => { each.open = true; }")
            links.nth(number).click()
            assert sections.nth(number).evaluate("(each) => each === document.querySelector(':target')")
            sync_api.expect(sections.nth(number)).to_be_in_viewport()


def test_contents_say_what_is_optional_and_where_the_reader_is(reader):
    with reader("01_kinds") as page:
        entries = page.locator("nav.beside li")
        assert [each.split() for each in entries.all_inner_texts()][1:] == [["Within", "it"], *[["2", "Deeper", "optional"]] * 2]
        assert entries.locator("svg").get_attribute("aria-label") == "x^2"
        page.mouse.wheel(0, 100_000)
        sync_api.expect(entries.last.get_by_role("link")).to_have_attribute("aria-current", "true")
        sync_api.expect(page.locator("nav.beside")).to_be_in_viewport()


def test_code_is_folded_and_the_switch_is_remembered(reader):
    with reader("01_kinds") as page:
        code, switch = page.locator("details.code"), page.get_by_label("show all code")
        assert code.count() == 6
        assert "find_the_strongest" not in page.locator("main").inner_text()
        assert code.nth(1).locator("summary").inner_text().split() == ["class", "Found:", "13", "lines"]
        code.nth(2).locator("summary").press("Enter")
        assert page.locator("details.code[open]").count() == 1
        switch.check()
        assert page.locator("details.code[open]").count() == 6
        page.reload()
        assert switch.is_checked()
        assert page.locator("details.code[open]").count() == 6
        page.get_by_role("link", name="05 feature evolution").first.click()
        assert page.get_by_label("show all code").is_checked()
        page.go_back()
        page.get_by_label("show all code").uncheck()
        page.reload()
        assert page.locator("details.code[open]").count() == 0
    with reader("failed/06_broken") as page:
        assert page.locator("details.code[open]").count() == 1  # where it failed


def test_parameters_are_told_once(reader):
    with reader("01_kinds") as page:
        unfold(page)
        text = page.locator("main").inner_text()
        assert "Run with seed = 7, world = 'toy'." in text
        assert "# Parameters" not in text
        assert "out_dir = '" not in text


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_figure_is_enlarged_and_closed_by_keyboard(reader, width):
    with reader("01_kinds", width) as page:
        button, dialog = page.get_by_role("button", name="Enlarge: A ramp & more"), page.get_by_role("dialog")
        before = button.locator("img").bounding_box()["width"]
        button.focus()
        page.keyboard.press("Enter")
        sync_api.expect(dialog).to_be_visible()
        large = dialog.get_by_role("img", name="A ramp & more").bounding_box()["width"]
        assert large >= 1100 > before
        if width == NARROW:
            page.keyboard.press("ArrowRight")
            page.wait_for_function("document.querySelector('#enlarged .frame').scrollLeft > 0")
        page.keyboard.press("Escape")
        sync_api.expect(dialog).to_be_hidden()
        assert button.evaluate("(each) => each === document.activeElement")
        button.click()
        dialog.locator("img").click()
        sync_api.expect(dialog).to_be_hidden()


def test_a_view_plays_in_the_page_and_is_not_enlarged(reader):
    with reader("01_kinds") as page:
        assert page.get_by_role("button").all_inner_texts() == ["Enlarge:", "Enlarge:"]
        view = page.locator(".zf-plays")
        slider, picture, before = view.get_by_role("slider").first, view.get_by_role("img"), view.inner_text()
        slider.press("ArrowRight")
        sync_api.expect(view).not_to_have_text(before, use_inner_text=True)
        picture.click()
        assert not page.get_by_role("dialog").is_visible()


@pytest.mark.parametrize("name", PAGES[:3])
def test_on_paper_there_is_text_and_no_machinery(reader, name):
    with reader(name, 690, "dark") as page:
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(34, 32, 28)"
        for hidden in ("nav", ".tools", "details.code"):
            assert not any(each.is_visible() for each in page.locator(hidden).all())
        for wide in page.locator("table", has_text="column 19").all():
            wide.evaluate("(each) => { each.remove(); }")  # wider than any paper
        assert page.evaluate("document.documentElement.scrollWidth") <= 690
        if name == "01_kinds":
            unfold(page)
            assert page.locator(".code pre").nth(1).evaluate("(each) => each.scrollWidth <= each.clientWidth")  # it is wrapped


def test_the_index_is_short(reader):
    """A line and a half of words a claim, and a row of cards for three notebooks."""
    with reader("index") as page:
        cards = [card.bounding_box() for card in page.locator(".card").all()]
        assert len({round(card["y"]) for card in cards}) == 1
        assert max(card["height"] for card in cards) < 520
        numbers = page.locator(".card details").first
        assert numbers.locator("summary").inner_text() == "2 numbers, 2 of them also in the paper"
        assert not numbers.locator("table").is_visible()
