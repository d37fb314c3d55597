"""The documents say what is so: commands and options, examples, links, the mark's specification."""

import contextlib
import io
import math
import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import click
import pytest
from PIL import Image

import waarmerk
from tests import independent_sound, rendered_files, rendered_sound
from waarmerk import MarkId, MarkingKey, detect_image, mark_image
from waarmerk.cli import cli
from waarmerk.detection.report import json_schema

ROOT = Path(waarmerk.__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text("utf-8")
MARK = (ROOT / "docs" / "marks" / "image.md").read_text("utf-8")
SOUND_MARK = (ROOT / "docs" / "marks" / "audio.md").read_text("utf-8")
STATISTICS = (ROOT / "docs" / "statistics.md").read_text("utf-8")
COMPLIANCE = (ROOT / "docs" / "compliance.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "waarmerk/**/*.md")
    for path in ROOT.glob(pattern)
)


def commands(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Give every command with its name, those within commands as well."""
    for name, command in sorted(group.commands.items()):
        yield above + name, command
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")


COMMANDS = list(commands(cli))
OPTIONS = [
    (name, parameter)
    for name, command in COMMANDS
    for parameter in command.params
    if isinstance(parameter, click.Option)
]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, as far as the next of its level or a higher one."""
    level = len(heading.split(maxsplit=1)[0])
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{2,{level}}} |\Z)", text, re.DOTALL | re.MULTILINE
    )
    assert found is not None, f"there is no heading {heading!r}"
    return found[1]


# --- the command line ---


def described(name: str) -> str:
    """Return what docs/cli.md says about a command."""
    return section(CLI, f"{'#' * (2 + name.count(' '))} waarmerk {name}")


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_is_described(name: str, command: click.Command) -> None:
    assert command.help
    text = described(name)
    assert f"\nwaarmerk {name} " in text or f"\nwaarmerk {name}\n" in text
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            shown = parameter.make_metavar(click.Context(command)).rstrip(".")
            assert shown in text


@pytest.mark.parametrize(
    ("name", "option"), OPTIONS, ids=[f"{name} {option.opts[-1]}" for name, option in OPTIONS]
)
def test_every_option_is_described(name: str, option: click.Option) -> None:
    assert option.help
    rows = "\n".join(
        line.split("|")[1] for line in described(name).splitlines() if line.startswith("| `-")
    )
    for spelling in option.opts:
        assert re.search(rf"`{spelling}\b", rows)
    if isinstance(option.type, click.Choice):
        assert all(f"`{option.opts[-1]} {choice}`" in rows for choice in option.type.choices)
    elif option.metavar:
        assert f"`{option.opts[-1]} {option.metavar}`" in rows


def test_no_option_is_described_that_does_not_exist() -> None:
    for name, command in COMMANDS:
        if isinstance(command, click.Group):
            continue  # what its commands take, they say
        known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
        told = re.findall(r"`(--?[a-z-]+)", described(name))
        strangers = set(told) - known - {"--key", "--help", "-h"}
        assert not strangers, f"waarmerk {name}: {strangers}"
    headings = re.findall(r"^#{2,} waarmerk (.+)$", CLI, re.MULTILINE)
    assert sorted(headings) == sorted(name for name, _ in COMMANDS)


# --- the README ---


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody who follows the README: a picture, a sound, what the commands make."""
    folder = tmp_path_factory.mktemp("newcomer")
    rendered_files.video(folder / "clip.mp4", "MP4")
    picture = resources.files("waarmerk").joinpath("demo_data", "lake.jpg").read_bytes()
    (folder / "photo.jpg").write_bytes(picture)
    rendered_sound.file(folder / "voice.wav", "WAV", rendered_sound.melody(8.0))
    return folder


def without_numbers(text: str) -> str:
    """Reduce output to its words: ids, sizes and p-values differ from run to run."""
    text = re.sub(r"\b[0-9a-f]{16,64}\b", "ID", text)
    text = re.sub(r"waarmerk 0\S*(?=;)", "waarmerk N", text)
    text = re.sub(r"\d+(\.\d+)?(e-\d+)?", "N", text)
    return " ".join(text.split())


def follow(session: str, folder: Path) -> None:
    """Type what a console shows, and compare what comes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    steps = re.findall(r"^\$ waarmerk (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE)
    assert len(steps) == session.count("$ ")
    for arguments, shown in steps:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "waarmerk", *arguments.split()],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert without_numbers(done.stdout) == without_numbers(shown), done.stdout
        assert done.returncode == (1 if "none found" in shown else 0)


def execute(block: str) -> None:
    """Run Python, and compare what it prints with the comments."""
    expected = re.findall(r"^print\(.*\)  # (.*)$", block, re.MULTILINE)
    assert expected
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102
    assert out.getvalue().splitlines() == expected


def test_the_readme_goes_as_shown(newcomer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Consoles and Python in their order: what one makes, the next may use."""
    monkeypatch.chdir(newcomer)
    monkeypatch.setenv("WAARMERK_TRUST", str(newcomer / "lists"))
    found = re.findall(r"^```(console|python)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert {kind for kind, _ in found} == {"console", "python"}
    for kind, block in found:
        if kind == "console":
            follow(block, newcomer)
        else:
            execute(block)


def test_snippets_for_engines_use_what_there_is() -> None:
    """They are not run here, because they need engines and models; ```py, not ```python."""
    snippets = blocks(README, "py")
    assert len(snippets) == 2
    for snippet in snippets:
        compile(snippet, "README.md", "exec")
        for module, names in re.findall(r"^from (waarmerk\S*) import (.*)$", snippet, re.MULTILINE):
            path = ROOT.joinpath(*module.split("."))
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            for name in names.split(", "):
                assert f'"{name}"' in file.read_text("utf-8")


def test_the_two_commands_are_those_of_the_ci() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    for command in ("pip install . && waarmerk demo", 'pip install ".[test]" && pytest -n auto'):
        assert f"```\n{command}\n```" in README
        assert f"'{command}'" in script


def test_the_verdicts_are_explained() -> None:
    schema = json_schema()
    verdicts = re.findall(
        r"^\| `(\w+)` \|", section(README, "## What a verdict means"), re.MULTILINE
    )
    assert verdicts == schema["properties"]["verdict"]["enum"]
    certificates = (ROOT / "docs" / "certificates.md").read_text("utf-8")
    manifest = set(schema["$defs"]["manifest"]["properties"]["status"]["enum"])
    explained = re.findall(r"^\| `(\w+)` \|", certificates, re.MULTILINE)
    assert set(explained) == manifest - {"recovered"}  # which this version never says


# --- the contract ---


@pytest.mark.parametrize(
    "name",
    ["MarkId", "MarkingKey", "detect_file", "detect_image", "mark_file", "mark_image"],
)
def test_the_names_of_the_contract_exist(name: str) -> None:
    assert name in waarmerk.__all__
    assert callable(getattr(waarmerk, name))


def test_the_attributes_of_the_contract_exist() -> None:
    for name in ("generate", "load", "save"):
        assert callable(getattr(MarkingKey, name))
    for name in ("content", "mark_id", "report"):
        assert name in waarmerk.Marked.__dataclass_fields__
    for name in ("p_value", "log10_p", "mark_id", "key_id", "scheme", "geometry", "status"):
        assert name in waarmerk.WatermarkFinding.__dataclass_fields__
    assert isinstance(waarmerk.WatermarkFinding.found, property)
    for name in ("verdict", "basis", "findings", "summary"):
        assert name in waarmerk.DetectionReport.__dataclass_fields__


# --- all documents ---


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as hosting sites make them."""
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def links(path: Path) -> Iterator[str]:
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not target.startswith(("https://", "http://")):
            yield target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_relative_to(ROOT.resolve()), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_need_nothing_from_outside(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"\.\./shared|(?<![\w.])/(work|root|home|opt|tmp)/", text)


def test_contributing_knows_the_markers_and_the_map() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for marker in settings["tool"]["pytest"]["ini_options"]["markers"]:
        assert f"| `{marker.partition(':')[0]}` |" in CONTRIBUTING
    above: list[str] = []
    for line in blocks(section(CONTRIBUTING, "## The map"), "")[0].splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        above[depth:] = [line.split()[0]]
        assert ROOT.joinpath(*above).exists(), line


# --- the specification of the image mark ---


def same(value: str, other: str) -> bool:
    """Compare words; numbers may differ in what rounding does."""
    if value == other:
        return True
    real = re.compile(r"-?\d+\.\d+(e-?\d+)?")
    if not (real.fullmatch(value) and real.fullmatch(other)):
        return False
    return math.isclose(float(value), float(other), rel_tol=0.01, abs_tol=0.002)


def test_the_vectors_are_those_of_the_package() -> None:
    computed = runpy.run_path(str(ROOT / "scripts" / "mark_vectors.py"))["lines"]()
    (shown,) = blocks(section(MARK, "## Test vectors"), "text")
    for one, other in zip(shown.splitlines(), computed, strict=True):
        assert all(map(same, one.split(), other.split())), f"{one!r} is {other!r}"


@pytest.mark.parametrize("shape", [None, (2900, 640)], ids=["as it is", "over eight tiles long"])
def test_the_reader_of_the_specification_reads_the_mark(
    newcomer: Path, shape: tuple[int, int] | None
) -> None:
    (source,) = blocks(MARK, "python")
    assert "waarmerk import" not in source
    assert "import waarmerk" not in source
    names: dict[str, object] = {"__name__": "reader"}
    exec(compile(source, "docs/marks/image.md", "exec"), names)  # noqa: S102
    key = MarkingKey(bytes(range(32)), created="2026-01-01T00:00:00Z")
    with Image.open(newcomer / "photo.jpg") as photo:
        picture = photo.convert("RGB") if shape is None else photo.resize(shape)
        marked = mark_image(picture, key)
        mark_id, sync, payload = names["read"](key.secret, marked.content)  # type: ignore[operator]
        assert mark_id == marked.mark_id.hex
        assert sync < -9
        seen = detect_image(marked.content, key, effort="fast")
        assert seen.log10_p is not None
        assert math.isclose(min(sync, payload), seen.log10_p, rel_tol=0.01)
        mark_id, sync, payload = names["read"](key.secret, picture)  # type: ignore[operator]
        assert mark_id is None
        assert min(sync, payload) > -3


def test_the_price_of_what_is_tried_is_in_the_specification() -> None:
    from waarmerk.detection.image import evidence, locate, search

    shifts = evidence.SHIFTS * evidence.FINER
    searched = f"{locate.CANDIDATES} geometries x 8 orientations x 2 signs x {shifts}² shifts"
    assert locate.CANDIDATES * 8 * 2 * shifts**2 == search._SYNC_HYPOTHESES
    readings = f"{search._PAYLOAD_HYPOTHESES} readings x 64 places"
    for text in (searched, readings):
        assert f"4 shares x {text}" in MARK
        assert text.replace(" x ", " × ") in STATISTICS


def test_every_constant_of_the_scheme_is_in_the_specification() -> None:
    from waarmerk.marking.image.scheme import SCHEME

    points = SCHEME.sync_lines[::4].tolist()
    listed = re.findall(r"\((\d+), (\d+)\)", blocks(MARK, "")[1])
    assert [(int(x), int(y)) for x, y in listed] == [tuple(point) for point in points]
    low, high = (SCHEME.tile * limit for limit in SCHEME.sync_ring)
    assert f"{low:.2f} <= sqrt(x² + y²) <= {high:.2f}" in MARK
    assert f"x² + y² >= {(SCHEME.lowest * SCHEME.tile) ** 2:.2f}" in MARK
    assert f"{SCHEME.code_length * SCHEME.lines_per_bit} payload lines" in MARK


# --- the specification of the audio mark ---


def test_the_vectors_of_the_audio_mark_are_those_of_the_second_implementation() -> None:
    (shown,) = blocks(section(SOUND_MARK, "## Test vectors"), "text")
    for one, other in zip(shown.splitlines(), independent_sound.vectors(), strict=True):
        assert all(map(same, one.split(), other.split())), f"{one!r} is {other!r}"


@pytest.mark.parametrize("secret", [bytes(32), bytes(range(32))], ids=["zeros", "counting"])
def test_the_vectors_of_the_audio_mark_are_those_of_the_package(secret: bytes) -> None:
    from waarmerk.marking.audio.pattern import unit_pattern
    from waarmerk.marking.audio.scheme import SCHEME, key_pattern, start_frame

    (shown,) = blocks(section(SOUND_MARK, "## Test vectors"), "text")
    general, *keys = re.split(r"^(?=secret )", shown, flags=re.MULTILINE)
    vectors = {
        line[:34].rstrip(): line[34:].strip()
        for part in (general, *(part for part in keys if secret.hex() in part.splitlines()[0]))
        for line in part.splitlines()
    }
    mark_id = MarkId.from_hex(vectors["mark id"])
    key = MarkingKey(secret, created="2026-01-01T00:00:00Z")
    pattern = key_pattern(key)
    unit = unit_pattern(pattern, mark_id).astype(float)
    word = SCHEME.code.encode(mark_id)
    some, digest = independent_sound.some, independent_sound.sha256
    signs = {
        "word, first 32": word[:32],
        "signs, cell 0": pattern.payload_sign[0],
    }
    package = {
        "band edges, first 3": some(SCHEME.edges[:3], ".4f"),
        "band edges, last 2": some(SCHEME.edges[-2:], ".4f"),
        "mark id": mark_id.hex,
        "word, sha256 of int8": digest(word, "i1"),
        "secret": secret.hex(),
        "stream sync, 16 bytes": key.stream(SCHEME.name, "sync").bytes(16).hex(),
        "stream payload, 16 bytes": key.stream(SCHEME.name, "payload").bytes(16).hex(),
        "stream start, 4 bytes": key.stream(SCHEME.name, f"start {mark_id}").bytes(4).hex(),
        "sync phases, line 4, bands 0 to 3": some(pattern.sync_phase[0, :4], ".6f"),
        "sync phases, line 33, last 2": some(pattern.sync_phase[-1, -2:], ".6f"),
        "places, cell 0, bands 0 to 7": some(pattern.payload_place[0, :8]),
        "places, sha256 of int16": digest(pattern.payload_place, "<i2"),
        "signs, sha256 of int8": digest(pattern.payload_sign, "i1"),
        "starting cell": str(start_frame(key, mark_id)),
        "pattern, cell 0, bands 0 to 7": some(unit[0, :8], ".4f"),
        "pattern, cell 2047, last 4": some(unit[-1, -4:], ".4f"),
        "pattern, mean square": f"{(unit**2).mean():.4f}",
    } | {name: "".join("-+"[int(v) > 0] for v in values) for name, values in signs.items()}
    assert vectors.keys() == package.keys()
    for name, value in vectors.items():
        assert all(map(same, value.split(), package[name].split())), name


def test_the_price_of_what_is_tried_in_sound_is_in_the_specification() -> None:
    from waarmerk.detection.audio import detector, examine, sync
    from waarmerk.marking.audio.scheme import SCHEME

    tried = f"{len(sync.SELECTIONS)} selections x {sync.OFFSETS} offsets x {sync._SIGNS} signs"
    searched = f"{sum(sync._PICKED)} candidates x {tried}"
    read = f"{examine._SPANS} spans x {SCHEME.payload_tiles} places in the cycle x 2^64 ids"
    for text in (tried.replace("selections", "selections of lines"), searched):
        assert f"{examine._SHARES} shares x windows x {text}" in SOUND_MARK
    assert SOUND_MARK.count(f"{examine._SHARES} shares x {read}") == 2
    for text in (searched, read):
        assert text.partition(" ids")[0].replace(" x ", " × ").replace("2^64", "2⁶⁴") in (
            STATISTICS.replace("selections of lines", "selections")
        )
    assert f"{len(sync.PITCHES)} pitches" in STATISTICS
    assert f"{len(sync._TEMPOS)} tempos" in STATISTICS
    assert detector.FOUND_LOG10_P == -6
    assert "A mark is reported from 1e-6 down" in SOUND_MARK


def test_every_constant_of_the_audio_scheme_is_in_the_specification() -> None:
    from waarmerk.marking.audio.marker import AudioMarker
    from waarmerk.marking.audio.scheme import SCHEME

    slow, fast = (" ".join(map(str, lines)) for lines in (SCHEME.slow_lines, SCHEME.fast_lines))
    assert f"L = {slow}   (slow)   {fast}   (fast)" in SOUND_MARK
    assert f"{SCHEME.slow_share} for the slow lines together" in SOUND_MARK
    assert f"{SCHEME.fast_share} for the fast ones" in SOUND_MARK
    assert f"limited to -{SCHEME.limit} .. {SCHEME.limit}" in SOUND_MARK
    assert f"from {SCHEME.lowest:.0f} Hz to {SCHEME.highest:.0f} Hz" in SOUND_MARK
    assert f"{SCHEME.tile * SCHEME.bands} words of 64 bits" in SOUND_MARK
    assert f"with the code's length {SCHEME.code_length} in place of 1024" in SOUND_MARK
    key = MarkingKey(bytes(32), created="2026-01-01T00:00:00Z")
    marker = AudioMarker(48000, 1, key, MarkId.from_hex("0123456789abcdef"))
    assert f"{marker.latency / 48:.0f} ms after it went in, at most" in SOUND_MARK


# --- compliance ---

REQUIRED = [1, 2, 3, 4, 6, 7, 9, 10, 12, 15, 16, 17, 19, 20, 21, 23, 24, 25, 27, 28, 29]
REQUIRED += [31, 32, 34, 36]


def test_every_requirement_has_its_row() -> None:
    rows = [line for line in COMPLIANCE.splitlines() if line.startswith("| R")]
    told = [int(n) for row in rows for n in re.findall(r"R(\d+)", row.split("|")[1])]
    assert sorted(told) == REQUIRED
    assert all(len(row.split(" | ")) == 5 for row in rows)


def test_what_shows_it_can_be_typed() -> None:
    known = dict(COMMANDS)
    spans = re.findall(r"`([^`]+)`", COMPLIANCE)
    shown = re.findall(r"`waarmerk ([^`]+)`", COMPLIANCE)
    assert shown
    for span in shown:
        words = span.split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
        assert name in known or name == "--help", span
    options = {o for _, option in OPTIONS for o in (*option.opts, *option.secondary_opts)}
    for span in spans:
        assert set(re.findall(r"(?<!\S)--[a-z-]+", span)) <= options | {"--help"}, span
