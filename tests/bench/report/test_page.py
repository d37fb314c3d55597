"""The page: whole, harmless, the same every time, and readable by all."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.bench.report import synthetic
from waarmerk.bench.report.loaded import load
from waarmerk.bench.report.markdown import END, put, sections
from waarmerk.bench.report.summary import summarise

pytest.importorskip("matplotlib")

from waarmerk.bench.report.page import page
from waarmerk.bench.report.plots import look

VOID = {"meta", "br", "hr"}


class Tree(HTMLParser):
    """What stands in a page: tags with attributes, ids, headings; raises if tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def summary_of(folder: Path, rows: list[Any]) -> dict[str, Any]:
    return summarise(load([synthetic.write(folder / "rows.jsonl", rows)]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Tree]:
    rows = synthetic.rows(contents=4, keys=1, suites=("image",))
    summary = summary_of(tmp_path_factory.mktemp("page"), rows)
    text = page(summary)
    return summary, text, Tree(text)


def test_names_from_rows_are_harmless(made: tuple[dict[str, Any], str, Tree]) -> None:
    _, text, tree = made
    assert "<script" not in text.lower()
    assert synthetic.HOSTILE in tree.text
    assert not tree.named("script")
    assert not [name for _, attributes in tree.tags for name in attributes if name[:2] == "on"]


def test_nothing_comes_from_elsewhere(made: tuple[dict[str, Any], str, Tree]) -> None:
    _, text, tree = made
    (policy,) = [one["content"] for one in tree.named("meta") if "http-equiv" in one]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    # The policy forbids both.
    assert not [tag for tag, attributes in tree.tags if "style" in attributes]
    assert len(tree.named("style")) == 1
    for _, attributes in tree.tags:
        assert (attributes.get("href") or "#").startswith("#")
        assert "src" not in attributes
    assert "http://" not in text.replace("http-equiv", "")
    assert "https://" not in text


def test_ids_are_unique_and_all_links_lead_somewhere(
    made: tuple[dict[str, Any], str, Tree],
) -> None:
    _, text, tree = made
    ids = [attributes["id"] for _, attributes in tree.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {str(a["href"])[1:] for _, a in tree.tags if "href" in a}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", text))
    wanted |= {name for _, a in tree.tags for name in (a.get("aria-labelledby") or "").split()}
    assert wanted <= set(ids)


def test_headings_are_in_order(made: tuple[dict[str, Any], str, Tree]) -> None:
    _, _, tree = made
    assert tree.named("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in tree.tags if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_figures_speak_and_take_the_colours_of_the_page(
    made: tuple[dict[str, Any], str, Tree],
) -> None:
    _, _, tree = made
    figures = [one for one in tree.named("svg") if one.get("role") == "img"]
    assert len(figures) > 15
    assert len(tree.named("svg")) == len(figures) + 2  # the legend
    drawn = {"path", "use", "text", "g"}
    colours = {a.get(name) for tag, a in tree.tags if tag in drawn for name in ("fill", "stroke")}
    assert all(one is None or one == "none" or one.startswith("var(--") for one in colours)
    assert "n = 3) at 90 to" in tree.text  # a description


def test_numbers_of_the_summary_stand_in_the_page(made: tuple[dict[str, Any], str, Tree]) -> None:
    summary, _, tree = made
    text = " ".join(tree.text.split())
    assert summary["files"][0]["sha256"] in text
    assert "waarmerk bench run --suite all --profile quick" in text
    assert "not measured at all" not in text
    assert "What this does not say" in text
    assert "n = 3" in text


def test_the_same_rows_give_the_same_page(tmp_path: Path) -> None:
    rows = synthetic.rows(contents=2, keys=1, suites=("text",))
    assert page(summary_of(tmp_path, rows)) == page(summary_of(tmp_path, rows))


def test_odd_rows_make_a_page(tmp_path: Path) -> None:
    odd = "\ud800 $x^$ \x1b[2J \x00 漢字 " + "long" * 50
    rows = [
        {
            **{"suite": "audio", "scheme": odd, "content": odd, "group": odd, "what": "marked"},
            **{"transformation": odd, "category": "in place", "strength": strength},
            **{"status": "ok", "found": None, "other": None, "key": None},
        }
        for strength in (1.0, 2.0)
    ]
    text = page(summary_of(tmp_path, rows))
    Tree(text)
    text.encode("utf-8")
    assert "\x1b" not in text
    assert "\x00" not in text


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_wcag_aa(made: tuple[dict[str, Any], str, Tree]) -> None:
    _, text, _ = made
    light, dark = (
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
    )
    for mode in (light, dark):
        for name in ("ink", "quiet", "link", "warn"):
            assert _contrast(mode[name], mode["paper"]) >= 4.5
            assert _contrast(mode[name], mode["raised"]) >= 4.5
        for number in range(1, 7):
            assert _contrast(mode[f"s{number}"], mode["paper"]) >= 4.5


def test_series_differ_in_more_than_colour() -> None:
    assert len({(look(number).marker, str(look(number).dashes)) for number in range(30)}) == 30
    assert len({look(number) for number in range(42)}) == 42


def test_tables_for_the_docs(made: tuple[dict[str, Any], str, Tree]) -> None:
    summary, _, _ = made
    ((name, (title, text)),) = sections(summary).items()
    assert (name, title) == ("suite_image", "Benchmark suite: images")
    assert "`waarmerk bench run --suite all --profile quick`, 2026-11-22, code 0123456789ab" in text
    assert "data split: reporting" in text
    assert "Detected after processing, by category" in text
    assert "Exact payload after processing, by category" in text
    assert "<script" not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.count("|") - line.count(r"\|") >= 3


def test_put_replaces_only_its_section() -> None:
    once = put("# Results\n", "a", "Title", "old")
    both = put(once, "b", "Other", "kept")
    again = put(both, "a", "Title", r"new \1")
    assert again == both.replace("old", r"new \1")
    assert again.count(END) == 2
