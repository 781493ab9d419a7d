"""The report's page: one inert, small file that a browser can search, sort and read on a phone."""

import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import ROOT

from fairseq_asr_correct.evaluation.page import change, embedded, p_value, rate, render, verdict, write_page

WORDS = "the boat left harbour at nine because of a heavy swell and nobody had told mister galloway".split()  # noqa: SIM905
LENGTHS = ["1-5", "6-10", "11-15", "16-20", "21-30", "31-40", "41+"]
BASELINES = ["0", "0-10", "10-20", "20-30", "30-50", "over 50"]
HOSTILE = [
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<!--<script>",
    "{{ 7*7 }}{% raw %}",
    "a\u2028b\u2029c",
    '" onmouseover="window.hacked=1\' &lt; &amp; \\u003c',
    "$\\frac{1$ #010101 ]]>",
    "\x1b[31m",
]


def utterance(draw: random.Random, number: int, name: str = "dev-clean", mean: int = 20) -> dict:
    """A made-up utterance, its errors drawn and so known."""
    said = draw.choices(WORDS, k=draw.randint(1, 2 * mean))
    one = {"id": f"{draw.randint(100, 9999)}-{draw.randint(1, 999999)}-{number:04d}", "set": name}
    one["reference"] = " ".join(said)
    for side, wrong in (("before", 0.12), ("after", 0.08)):
        words, ops = [], ""
        if side == "after" and draw.random() < 0.4:
            one |= {"after": one["before"], "ops_after": one["ops_before"], "errors_after": one["errors_before"]}
            break
        for word in said:
            step = draw.choice("SSDI") if draw.random() < wrong else "="
            words += {"=": [word], "S": [word[:-1] + "x"], "D": [], "I": ["uh", word]}[step]
            ops += {"I": "I="}.get(step, step)
        one |= {side: " ".join(words), f"ops_{side}": ops, f"errors_{side}": len(ops) - ops.count("=")}
    return one


def utterances(count: int, *names: str) -> list[dict]:
    draw = random.Random(3)
    return [utterance(draw, number, draw.choice(names)) for number in range(count)]


def a_set(name: str, before: float = 6.12, after: float = 5.19, low: float = 11.9, high: float = 18.4) -> dict:
    """What the report says of a set; numbers that are plausible, not counted."""
    side = lambda wer: {  # noqa: E731
        "wer": wer, "errors": 3329, "substitutions": 2503, "deletions": 411, "insertions": 415, "ser": 50.1, "cer": 2.2,
        "bleu": 88.4, "chrf": 96.01, "plain_wer": wer / 2,
    }  # fmt: skip
    return {
        "name": name, "written": False,
        "sentences": 2703, "reference_words": 54402, "speakers": 40, "before": side(before),
        "after": side(after), "relative_reduction": 100 - 100 * after / before, "low": low, "high": high,
        "p_value": 0.0002, "resampled": "speakers", "draws": 10000, "sentences_improved": 610,
        "sentences_unchanged": 1933, "sentences_harmed": 160, "copy_rate": 66.4, "errors_fixed": 812,
        "errors_introduced": 306, "false_correction_rate": 0.6, "precision": 72.6, "recall": 24.4,
        "detection_precision": 81.9, "detection_recall": 30.3,
        "confusions": {
            kind: [{"reference": word, "hypothesis": word[:-1], "count": 40 - at} for at, word in enumerate(WORDS[:14])]
            + [{"reference": "", "hypothesis": "uh", "count": 3}] for kind in ("fixed", "introduced")
        },
        "by_length": [
            {"bin": label, "sentences": 300 + 40 * at, "reference_words": 900, "wer_before": before + 3 / (at + 1),
             "wer_after": after + 2 / (at + 1)} for at, label in enumerate(LENGTHS)
        ],
        "by_baseline_wer": [
            {"bin": label, "sentences": 1300 // (at + 1), "improved": 250 * at // (at + 1), "harmed": 60 // (at + 1),
             "wer_before": 5.0 * at, "wer_after": 4.0 * at} for at, label in enumerate(BASELINES)
        ],
    }  # fmt: skip


def an_empty_set(name: str) -> dict:
    """A set without sentences, in which nothing is defined, and with a rate that is infinite."""
    numbers = dict.fromkeys(("relative_reduction", "low", "high", "p_value", "speakers", "precision", "recall"))
    zeros = dict.fromkeys(("sentences", "reference_words", "sentences_improved", "sentences_unchanged"), 0)
    zeros |= dict.fromkeys(("sentences_harmed", "errors_fixed", "errors_introduced"), 0)
    one = a_set(name) | numbers | zeros | {"copy_rate": None, "false_correction_rate": None}
    one["before"] = dict.fromkeys(one["before"]) | {"wer": math.inf}
    one["after"] = dict.fromkeys(one["after"]) | {"wer": None}
    one["by_length"] = [{"bin": "1-5", "sentences": 0, "reference_words": 0, "wer_before": None, "wer_after": math.inf}]
    one["by_baseline_wer"] = [{"bin": "0", "sentences": 0, "improved": 0, "harmed": 0} | one["by_length"][0]]
    return one | {"confusions": {"fixed": [], "introduced": []}}


def a_report(*sets: dict, title: str = "Corrector of Tuesday") -> dict:
    return {"version": 1, "title": title, "signature": "asr_wer|case:kept|tok:whitespace", "sets": list(sets)}


def hostile_input() -> tuple[dict, list[dict]]:
    """Texts that would be code if anything took them for it, wherever a text can stand."""
    texts = [*HOSTILE, "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645", "\u4f60\u597d \u4e16\u754c", "a\x85b\ufeffc\x1cd"]  # fmt: skip  # noqa: E501
    sets = [a_set(name) for name in texts]
    for one in sets:
        for row in one["confusions"]["fixed"]:
            row |= {"reference": one["name"], "hypothesis": one["name"]}
    rows = []
    for text in texts:
        words = len(text.split())
        one = {"id": text, "set": text, "reference": text, "before": f"x {text}", "after": text}
        ops = {"ops_before": "I" + "=" * words, "ops_after": "=" * words, "errors_before": 1, "errors_after": 0}
        rows.append(one | ops)
    return a_report(*sets, title="".join(HOSTILE)), rows


class Elements(HTMLParser):
    """Every start tag with its attributes, and what script elements hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and self.get_starttag_text().startswith("<script"):
            self.scripts[-1] += data


def unpacked(page: str) -> list[dict]:
    """The utterances of a page, unpacked as page.js does it but written a second time."""
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    result = []
    for row in data["rows"]:
        keys = ["id", "set", "reference", "before", "ops_before", "errors_before", "after", "ops_after", "errors_after"]
        one = dict(zip(keys, [*row, *row[3:]] if len(row) == 6 else row, strict=True))
        one["set"] = data["sets"][one["set"]]
        for side in ("before", "after"):
            one[f"ops_{side}"] = one[f"ops_{side}"] or "=" * len(one["reference"].split())
        result.append(one)
    return result


def test_the_page_is_one_file() -> None:
    page = render(a_report(a_set("dev-clean"), a_set("dev-other")), utterances(20, "dev-clean", "dev-other"))
    assert not re.search(r"https?:|//\w", page.replace("// ", ""))
    elements = Elements(page)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in elements.tags}
    for _, attributes in elements.tags:
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(r"@import|url\((?!#)", page)


def test_ids_are_unique_and_what_refers_to_one_finds_it() -> None:
    page = render(a_report(a_set("dev-clean"), a_set("dev-other")), [])
    tags = Elements(page).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = {attributes["href"][1:] for _, attributes in tags if "href" in attributes}
    used |= set(re.findall(r"url\(#(.*?)\)", page))
    assert used and used <= set(ids)


def test_plots_are_told_in_words_and_take_their_colours_from_the_style_sheet() -> None:
    page = render(a_report(a_set("dev-clean")), [])
    figures = [attributes for tag, attributes in Elements(page).tags if tag == "svg"]
    assert len(figures) == 3
    assert all(attributes["role"] == "img" for attributes in figures)
    labels = [attributes["aria-label"] for attributes in figures]
    assert "dev-clean 6.12 before, 5.19 after" in labels[0]
    assert "41+ words, 6.55 before, 5.48 after" in labels[1]
    assert "WER over 50, 96.3% improved and 4.6% harmed of 216" in labels[2]
    for figure in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        colours = re.findall(r"(?:fill|stroke)(?:: ?|=\")([^;\"]+)", figure)
        assert {colour for colour in colours if not colour.startswith(("var(", "url("))} <= {"none"}
    defined = set(re.findall(r"(--[\w-]+):", page))
    assert set(re.findall(r"var\((--[\w-]+)\)", page)) <= defined


@pytest.mark.slow
def test_plotting_tells_nothing_to_a_root_logger_that_wants_everything() -> None:
    code = """if True:
        import logging
        logging.basicConfig(level=logging.DEBUG)
        from fairseq_asr_correct.evaluation import plots
        plots.overview([])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "matplotlib" not in done.stderr


def test_hostile_texts_are_inert() -> None:
    report, rows = hostile_input()
    page = render(report, rows)
    assert [tag for tag, _ in Elements(page).tags if tag in ("script", "img")] == ["script", "script"]
    assert not any(key.startswith("on") for _, attributes in Elements(page).tags for key in attributes)
    assert "49" not in re.sub(r"<svg.*?</svg>", "", "".join(re.findall(r"<h1.*?</h1>", page)), flags=re.DOTALL)
    assert "{{ 7*7 }}" in re.search(r"<h1.*?</h1>", page, re.DOTALL)[0]
    data = Elements(page).scripts[0]
    assert not set("<>&\u2028\u2029") & set(data)
    assert unpacked(page) == rows


def test_every_utterance_is_in_the_page() -> None:
    rows = utterances(300, "dev-clean", "dev-other")
    rows.append({"id": "e", "set": "dev-other", "reference": "", "before": "", "after": "a", "ops_before": "",
                 "ops_after": "I", "errors_before": 0, "errors_after": 1})  # fmt: skip
    rows.append(rows[-1] | {"after": "", "ops_after": "", "errors_after": 0})
    # As many errors in the same text, aligned otherwise.
    rows.append({"id": "f", "set": "dev-other", "reference": "a a", "before": "a", "after": "a", "ops_before": "=D",
                 "ops_after": "D=", "errors_before": 1, "errors_after": 1})  # fmt: skip
    assert any(row["before"] == row["after"] for row in rows)
    assert unpacked(render(a_report(a_set("dev-clean"), a_set("dev-other")), rows)) == rows


def test_what_is_right_and_left_alone_is_stored_once() -> None:
    row = {"id": "1", "set": "s", "reference": "a b", "before": "a b", "after": "a b", "ops_before": "==",
           "ops_after": "==", "errors_before": 0, "errors_after": 0}  # fmt: skip
    assert json.loads(embedded(["s"], [row])) == {"sets": ["s"], "rows": [["1", 0, "a b", "a b", "", 0]]}


def test_an_alignment_of_other_words_is_refused() -> None:
    row = utterances(1, "dev-clean")[0]
    with pytest.raises(ValueError, match="does not align"):
        embedded(["dev-clean"], [row | {"ops_before": row["ops_before"] + "="}])
    with pytest.raises(ValueError, match="does not align"):
        embedded(["dev-clean"], [row | {"ops_after": row["ops_after"] + "?"}])
    with pytest.raises(ValueError, match="which the report does not have"):
        embedded(["dev-other"], [row])


def test_librispeech_dev_fits_into_five_megabytes(tmp_path: Path) -> None:
    rows = utterances(5567, "dev-clean", "dev-other")
    assert sum(len(row["reference"]) for row in rows) / len(rows) > 100
    write_page(tmp_path / "page.html", a_report(a_set("dev-clean"), a_set("dev-other")), rows)
    assert (tmp_path / "page.html").stat().st_size < 2.5e6


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_page(tmp_path / name, a_report(a_set("dev-clean")), utterances(50, "dev-clean"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_empty_set_and_undefined_rates() -> None:
    for sets in ([], [an_empty_set("empty")], [an_empty_set("empty"), a_set("dev-clean")]):
        page = render(a_report(*sets), [])
        visible = re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)
        assert not re.search(r"\b(None|nan|inf|Infinity|NaN)\b", visible)
        if sets:
            assert "∞ before, – after" in page and "too little to tell" in page


def test_numbers_as_people_read_them() -> None:
    assert [rate(value) for value in (None, math.inf, math.nan, 6.125001, -0.5)] == ["–", "∞", "–", "6.13", "−0.50"]
    assert [p_value(value) for value in (None, 0.0, 0.0002, 1.0)] == [
        "p is not defined", "p\u00a0<\u00a00.0001", "p\u00a0=\u00a00.0002", "p\u00a0=\u00a01.0000",
    ]  # fmt: skip
    told = [change({"relative_reduction": value}) for value in (15.21, -3.0, 0.0, None, -math.inf)]
    assert told == [
        "15.2% fewer errors",
        "3.0% more errors",
        "as many errors",
        "no errors to reduce",
        "∞% more errors",
    ]


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.1, 9.0, "fewer errors, and not by chance"),
        (0.0, 9.0, "no difference that could not be chance"),
        (-1.0, 9.0, "no difference that could not be chance"),
        (-9.0, 0.0, "no difference that could not be chance"),
        (-9.0, -0.1, "more errors"),
        (None, None, "too little to tell"),
    ],
)
def test_the_verdict_is_whether_the_interval_leaves_out_zero(low: float, high: float, told: str) -> None:
    one = a_set("dev-clean", low=low, high=high)
    assert verdict(one)[0] == told
    assert told in render(a_report(one), [])


# From here on with a browser.
FOUND = "count => document.getElementById('status').textContent.includes(` of ${count} found`)"


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    api = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "page.html"
    sets = [
        a_set("dev-clean"), a_set("dev-other", 14.3, 13.9, -0.4, 6.2), a_set("podcast", 21.0, 22.6, -12.1, -3.0),
    ]  # fmt: skip
    write_page(path, a_report(*sets), utterances(5567, "dev-clean", "dev-other", "podcast"))
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "page.html"
    write_page(path, *hostile_input())
    return path


def opened(browser: object, path: Path, **settings: object) -> object:
    """A page that is ready, with what went wrong in ``troubles`` and what it asked for in ``requests``."""
    page = browser.new_page(**settings)
    page.set_default_timeout(10_000)  # milliseconds
    page.troubles, page.requests = [], []
    page.on("console", lambda message: page.troubles.append(message.text))
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready]")
    return page


def column(page: object, name: str) -> list[int]:
    return [int(text) for text in page.locator(f".row > .{name}").all_text_contents()]


def screenshot(page: object, name: str) -> None:
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.slow
def test_the_page_is_soon_ready_and_asks_for_nothing(browser: object, large: Path) -> None:
    times = []
    for _ in range(3):
        page = opened(browser, large)
        times.append(page.evaluate("performance.now()") / 1000)
        assert page.troubles == []
        assert page.requests == [large.as_uri()]
        page.close()
    print(f"ready after {min(times):.2f} s, {large.stat().st_size / 1e6:.2f} MB")
    assert min(times) < 2


@pytest.mark.slow
def test_searching_and_filtering_narrow(browser: object, large: Path) -> None:
    page = opened(browser, large)
    rows = unpacked(large.read_text(encoding="utf-8"))
    status = page.locator("#status")
    assert status.text_content() == "100 shown of 5,567 found among 5,567 utterances"
    page.locator("#more").click()
    assert page.locator(".row").count() == 200
    for query in ("NINE because of", rows[7]["id"], "galloway harbou", "no such words"):
        wanted = [r for r in rows if any(query.lower() in r[k].lower() for k in ("id", "reference", "before", "after"))]
        page.fill("#search", query)
        page.wait_for_function(FOUND, arg=f"{len(wanted):,}")
        assert page.locator(".row").count() == min(100, len(wanted))
    page.fill("#search", "")
    page.select_option("#set", label="podcast")
    for outcome, sign in (("improved", -1), ("harmed", 1), ("changed", 0), ("unchanged", 0)):
        page.select_option("#outcome", outcome)
        changes = [r["errors_after"] - r["errors_before"] for r in rows if r["set"] == "podcast"
                   and (r["before"] == r["after"]) == (outcome == "unchanged")]  # fmt: skip
        wanted = sum((change > 0) - (change < 0) == sign for change in changes)
        page.wait_for_function(FOUND, arg=f"{wanted:,}")
    page.close()


@pytest.mark.slow
def test_sorting_orders(browser: object, large: Path) -> None:
    page = opened(browser, large)
    rows = unpacked(large.read_text(encoding="utf-8"))
    keys = {
        "after": lambda row: row["errors_after"], "before": lambda row: row["errors_before"],
        "length": lambda row: len(row["reference"].split()),
    }  # fmt: skip
    for name, key in keys.items():
        button = page.locator(f"#sort [data-key={name}]")
        for descending in (True, False):
            button.click()
            assert column(page, name) == sorted(map(key, rows), reverse=descending)[:100]
            assert button.get_attribute("aria-pressed") == "true"
    page.locator("#sort [data-key=change]").click()
    gains = sorted(row["errors_after"] - row["errors_before"] for row in rows)[:100]
    assert page.locator(".row > .change").all_text_contents() == [f"▲ −{-gain}" for gain in gains]
    page.locator("#sort [data-key=order]").click()
    assert column(page, "order") == list(range(1, 101))
    page.close()


@pytest.mark.slow
def test_an_utterance_opens_by_keyboard_to_its_alignment(browser: object, tmp_path: Path) -> None:
    row = {
        "id": "1", "set": "dev-clean", "reference": "the boat left the harbour at nine", "errors_before": 5,
        "before": "uh um the boat leaf harbour at at nine", "ops_before": "II==SD==I=",
        "after": "oh the boat left the harbor at nine", "ops_after": "I====S==", "errors_after": 2,
    }  # fmt: skip
    write_page(tmp_path / "page.html", a_report(a_set("dev-clean")), [row])
    page = opened(browser, tmp_path / "page.html", viewport={"width": 1200, "height": 800})
    button = page.locator(".row")
    assert button.get_attribute("aria-expanded") == "false"
    page.locator("#sort [data-key=length]").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    lines = [page.locator(f".alignment tr:nth-child({n}) td").all_text_contents() for n in (1, 2, 3)]
    assert lines == [
        ["·", "·", "the", "boat", "left", "the", "harbour", "at", "·", "nine"],
        ["uh", "um", "the", "boat", "leaf", "the", "harbour", "at", "at", "nine"],
        ["oh", "", "the", "boat", "left", "the", "harbor", "at", "", "nine"],
    ]
    kinds = [
        [" ".join(name for name in (span.get_attribute("class") or "").split()[1:] if name != "=")
         for span in page.locator(f".alignment tr:nth-child({n}) td > *").all()] for n in (2, 3)
    ]  # fmt: skip
    assert kinds[0] == ["I", "I", "", "", "S", "D", "", "", "I", ""]
    assert kinds[1] == ["I", "fixed", "", "", "fixed", "fixed", "S broken", "", "fixed", ""]
    look = "(name) => [getComputedStyle(document.querySelector(name)).textDecorationLine," \
        " getComputedStyle(document.querySelector(name), '::before').content]"  # fmt: skip
    looks = {kind: page.evaluate(look, f".alignment .{kind}") for kind in "SDI"}
    assert looks == {"S": ["underline", "none"], "D": ["line-through", "none"], "I": ["none", '"+"']}
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "false" and not page.locator(".alignment").is_visible()
    page.close()


@pytest.mark.slow
def test_hostile_texts_are_shown_and_run_nothing(browser: object, hostile: Path) -> None:
    page = opened(browser, hostile)
    report, rows = hostile_input()
    assert page.locator("h1").text_content() == report["title"]
    assert page.locator("#set option").all_text_contents()[1:] == [one["name"] for one in report["sets"]]
    assert page.locator(".row .text").all_text_contents() == [row["after"] for row in rows]
    for number, row in enumerate(rows):
        page.locator(".row").nth(number).click()
        panel = page.locator(".alignment").nth(number)
        said = panel.locator("td.said").all_text_contents()
        assert said == ["·", *row["reference"].split()]
        arabic = "\u0600" <= row["reference"][0] <= "\u06ff"
        assert panel.locator("table").first.get_attribute("dir") == ("rtl" if arabic else "ltr")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert page.troubles == [] and page.requests == [hostile.as_uri()]
    page.close()


@pytest.mark.slow
def test_the_policy_forbids_scripts_of_others(browser: object, hostile: Path) -> None:
    page = opened(browser, hostile)
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'hacked = 1'; document.body.append(s) }"
    )
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in trouble for trouble in page.troubles)
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["large", "hostile"])
def test_a_phone_scrolls_in_one_direction_only(browser: object, kind: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(kind)
    page = opened(browser, path, viewport={"width": 375, "height": 700}, color_scheme="dark")
    page.locator("summary").click()
    for number in (0, 2, 3, 7):
        page.locator(".row").nth(number).click()
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    screenshot(page, f"dark-phone-{kind}")
    page.close()


@pytest.mark.slow
def test_dark_mode_is_dark(browser: object, large: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        page = opened(browser, large, viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        background = "getComputedStyle(document.body).backgroundColor"
        ink = "getComputedStyle(document.querySelector('svg text[style*=\"--ink\"]')).fill"
        colours[scheme] = [sum(map(int, re.findall(r"\d+", page.evaluate(code)))) for code in (background, ink)]
        page.locator("summary").click()
        page.locator("#sort [data-key=before]").click()
        page.locator(".row").nth(1).click()
        screenshot(page, f"{scheme}-desktop")
        page.close()
    assert colours["light"][0] > 600 > 150 > colours["dark"][0]
    assert colours["light"][1] < 200 < 600 < colours["dark"][1]
