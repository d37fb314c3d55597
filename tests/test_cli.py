"""The command line: exit statuses, what goes to stdout and what to stderr, and bad input."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import jsonschema
import pytest
from PIL import Image

import waarmerk
from tests.folders import work_in_copy
from tests.rendered import soft_picture as picture
from waarmerk import MarkingKey, mark_image
from waarmerk.cli import cli, run
from waarmerk.detection.report import json_schema

ROOT = Path(waarmerk.__file__).parent.parent
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

Out = pytest.CaptureFixture[str]


def jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key, a test certificate, an unmarked and a watermarked picture."""
    folder = tmp_path_factory.mktemp("bench")
    assert run(["keygen", str(folder / "key.json"), "--dev-cert"]) == 0
    assert run(["keygen", str(folder / "bare.json")]) == 0
    (folder / "plain.jpg").write_bytes(jpeg(picture()))
    key = MarkingKey.load(folder / "key.json")
    mark_image(picture(), key).content.save(folder / "marked.png")
    return folder


@pytest.fixture
def here(bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder to work in."""
    return work_in_copy(bench, tmp_path, monkeypatch)


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def one_line(error: str) -> str:
    """Check that stderr holds exactly one line of ours, and return it."""
    lines = error.splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith("waarmerk: ")
    return lines[0]


# --- help and usage ---

COMMANDS = [
    *("bench", "demo", "detect", "keygen", "mark", "scan", "text", "trust", "verify-report"),
    *("warm", "watch"),
]


def test_help_shows_every_command_that_exists(capsys: Out) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert sorted(cli.commands) == sorted(COMMANDS)
    for name, command in cli.commands.items():
        assert name in text
        assert command.help
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.help, f"{name} {parameter.name}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help(command: str, flag: str, capsys: Out) -> None:
    assert run([command, flag]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"Usage: waarmerk {command}")
    assert not captured.err


def test_version(capsys: Out) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"waarmerk {waarmerk.__version__}\n"


def test_without_a_command_there_is_help_on_stderr(capsys: Out) -> None:
    assert run([]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith("Usage: waarmerk")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["scan"],
        ["bench", "nonsense"],
        ["--nonsense"],
        ["detect"],
        ["detect", "--nonsense", "x"],
        ["detect", "--effort", "slow", "x"],
        ["mark", "x"],
        ["mark", "x", "-o", "y.png", "--key", "k", "--quality", "0"],
        ["keygen"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_status_2(arguments: list[str], capsys: Out) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert "--help)" in one_line(captured.err)


# --- keygen ---


def test_keygen_writes_a_private_key(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "key.json"
    assert run(["keygen", str(path)]) == 0
    key = MarkingKey.load(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["key.json"]
    captured = capsys.readouterr()
    assert key.key_id in captured.out
    assert key.secret.hex() not in captured.out + captured.err
    assert "backup" in captured.out
    assert "0600" in captured.out


def test_keygen_with_a_test_certificate(tmp_path: Path, capsys: Out) -> None:
    assert run(["keygen", str(tmp_path / "key.json"), "--dev-cert"]) == 0
    names = {"key.json", "key.cert.pem", "key.sign.pem", "key.root.pem"}
    assert {p.name for p in tmp_path.iterdir()} == names
    assert (tmp_path / "key.sign.pem").stat().st_mode & 0o777 == 0o600
    text = capsys.readouterr().out
    assert all(name in text for name in names)
    assert "proves nothing to others" in text


@pytest.mark.parametrize("present", ["key.json", "key.cert.pem", "key.sign.pem", "key.root.pem"])
def test_keygen_replaces_nothing_unless_told_so(present: str, tmp_path: Path, capsys: Out) -> None:
    (tmp_path / present).write_text("precious")
    arguments = ["keygen", str(tmp_path / "key.json"), "--dev-cert"]
    assert run(arguments) == 2
    line = one_line(capsys.readouterr().err)
    assert present in line
    assert "--force" in line
    assert files(tmp_path) == {present: b"precious"}
    assert run([*arguments, "--force"]) == 0
    assert len(files(tmp_path)) == 4
    assert (tmp_path / present).read_text() != "precious"


def test_keygen_in_a_missing_folder(tmp_path: Path, capsys: Out) -> None:
    for more in ([], ["--dev-cert"]):
        assert run(["keygen", str(tmp_path / "no" / "key.json"), *more]) == 2
        captured = capsys.readouterr()
        assert not captured.out
        assert f"the folder {tmp_path / 'no'} does not exist" in one_line(captured.err)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "."])
def test_keygen_needs_a_file_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--dev-cert"], ["--force"]):
        assert run(["keygen", name, *more]) == 2
        captured = capsys.readouterr()
        assert not captured.out
        assert "no file name" in one_line(captured.err)
    assert not list(tmp_path.iterdir())


# --- detect ---


def test_detect_found_not_found_error(here: Path, capsys: Out) -> None:
    assert run(["detect", "marked.png", "--key", "key.json"]) == 0
    assert run(["detect", "plain.jpg", "--key", "key.json"]) == 1
    assert not capsys.readouterr().err
    assert run(["detect", "absent.jpg", "--key", "key.json"]) == 2
    assert "absent.jpg" in one_line(capsys.readouterr().err)


def test_detect_in_words(here: Path, capsys: Out) -> None:
    key = MarkingKey.load("key.json")
    run(["detect", "marked.png", "--key", "key.json"])
    text = capsys.readouterr().out
    assert text.startswith("marked.png: generated\n")
    assert key.key_id in text
    assert "p <= " in text
    assert max(map(len, text.splitlines())) <= 100
    run(["detect", "plain.jpg"])
    text = capsys.readouterr().out
    assert text.startswith("plain.jpg: none found\n")
    assert "watermark  not checked (no key was given)" in text
    assert "label      not found" in text


def test_detect_as_json(here: Path, capsys: Out) -> None:
    run(["detect", "marked.png", "--key", "key.json", "--json"])
    captured = capsys.readouterr()
    assert not captured.err
    data = json.loads(captured.out)
    VALIDATOR.validate(data)
    assert data["verdict"] == "generated"
    assert data["input"]["name"] == "marked.png"


def test_detect_several_inputs(here: Path, capsys: Out) -> None:
    (here / "bad.png").write_bytes(b"nothing")
    assert run(["detect", "plain.jpg", "marked.png", "--key", "key.json", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["input"]["name"] for line in lines] == ["plain.jpg", "marked.png"]
    # An error does not stop the others, and does not get lost among them.
    names = ["bad.png", "plain.jpg", "absent.png", "marked.png"]
    assert run(["detect", *names, "--key", "key.json", "--json"]) == 2
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 2
    for line in captured.out.splitlines():
        VALIDATOR.validate(json.loads(line))
    complaints = captured.err.splitlines()
    assert len(complaints) == 2
    assert "bad.png" in complaints[0]
    assert "absent.png" in complaints[1]


def test_detect_tries_all_keys(here: Path, capsys: Out) -> None:
    keys = ["--key", "bare.json", "--key", "key.json"]
    assert run(["detect", "marked.png", *keys, "--json"]) == 0
    finding = json.loads(capsys.readouterr().out)["findings"][0]
    assert finding["key_id"] == MarkingKey.load("key.json").key_id
    assert run(["detect", "marked.png", "--key", "bare.json", "--effort", "fast"]) == 1


def test_detect_reads_what_a_hostile_name_cannot_abuse(here: Path, capsys: Out) -> None:
    name = "evil\x1b[2J\n.png"
    (here / name).write_bytes((here / "marked.png").read_bytes())
    run(["detect", name, "--key", "key.json"])
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert text.startswith("evil\\x1b[2J\\n.png: generated\n")
    run(["detect", "no" + name])
    one_line(capsys.readouterr().err)


# --- mark ---


def test_mark_needs_a_signer_or_a_reason(here: Path, capsys: Out) -> None:
    before = files(here)
    assert run(["mark", "plain.jpg", "-o", "out.jpg", "--key", "bare.json"]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    line = one_line(captured.err)
    for remedy in ("--sign-cert", "--dev-cert", "--no-manifest"):
        assert remedy in line
    assert files(here) == before


def test_mark_without_a_manifest_keeps_the_reason(here: Path, capsys: Out) -> None:
    arguments = ["mark", "plain.jpg", "-o", "out.jpg", "--key", "bare.json"]
    assert run([*arguments, "--no-manifest", "a test", "--json"]) == 0
    captured = capsys.readouterr()
    assert not captured.err
    assert "a test" in json.dumps(json.loads(captured.out))
    assert run(["detect", "out.jpg", "--key", "bare.json", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["basis"] == ["watermark"]
    assert report["findings"][1]["status"] == "absent"


def test_mark_uses_the_certificate_beside_the_key_and_says_so(here: Path, capsys: Out) -> None:
    assert run(["mark", "plain.jpg", "-o", "out.jpg", "--key", "key.json"]) == 0
    captured = capsys.readouterr()
    assert "test certificate" in one_line(captured.err)
    assert "out.jpg" in captured.out
    arguments = ["detect", "out.jpg", "--key", "key.json", "--trust", "key.root.pem", "--json"]
    assert run(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    VALIDATOR.validate(report)
    assert report["verdict"] == "generated"
    assert report["basis"] == ["watermark", "manifest"]
    assert report["findings"][1]["status"] == "trusted"


def test_an_error_with_a_test_certificate_is_one_line(here: Path, capsys: Out) -> None:
    for source, output in (("absent.jpg", "out.jpg"), ("plain.jpg", "out.xyz")):
        assert run(["mark", source, "-o", output, "--key", "key.json"]) == 2
        captured = capsys.readouterr()
        assert not captured.out
        assert "test certificate" not in one_line(captured.err)


def test_mark_tells_of_a_mark_that_is_there_already(here: Path, capsys: Out) -> None:
    arguments = ["mark", "marked.png", "-o", "out.png", "--key", "key.json", "--no-manifest", "x"]
    status = run(arguments)
    captured = capsys.readouterr()
    # Now and then the earlier mark is what is read back, and the picture refused.
    said = captured.out if status == 0 else one_line(captured.err)
    assert said.count("carries already the mark id") == 1
    assert not (captured.out and captured.err)


def test_mark_with_a_given_certificate_says_nothing(here: Path, capsys: Out) -> None:
    arguments = ["--sign-cert", "key.cert.pem", "--sign-key", "key.sign.pem"]
    assert run(["mark", "plain.jpg", "-o", "out.jpg", "--key", "bare.json", *arguments]) == 0
    assert not capsys.readouterr().err


def test_mark_altered_with_an_id(here: Path, capsys: Out) -> None:
    arguments = ["mark", "plain.jpg", "-o", "out.jpg", "--key", "key.json"]
    number = ["--mark-id", "8123456789ABCDEF"]
    assert run([*arguments, "--altered", *number]) == 0
    capsys.readouterr()
    assert run(["detect", "out.jpg", "--key", "key.json", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "altered"
    assert report["findings"][0]["mark_id"] == "8123456789abcdef"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--no-manifest", "x", "--altered", "--mark-id", "0123456789abcdef"], "says generated"),
        (["--mark-id", "12"], "16 hexadecimal digits"),
        (["--sign-cert", "key.cert.pem"], "go together"),
        (["--sign-key", "key.sign.pem"], "go together"),
        (
            ["--no-manifest", "x", "--sign-cert", "key.cert.pem", "--sign-key", "key.sign.pem"],
            "contradict",
        ),
        (["--no-manifest", ""], "--no-manifest needs a reason"),
        (["--no-manifest", " "], "--no-manifest needs a reason"),
        (["--system-version", "2"], "version is the version of a system"),
        (["--no-manifest", "x", "--system", "Painter"], "is written into the manifest"),
        (["--sign-cert", "key.sign.pem", "--sign-key", "key.sign.pem"], "key.sign.pem"),
        (["--sign-cert", "absent.pem", "--sign-key", "key.sign.pem"], "absent.pem"),
    ],
)
def test_mark_refuses_what_does_not_fit(
    more: list[str], says: str, here: Path, capsys: Out
) -> None:
    before = files(here)
    assert run(["mark", "plain.jpg", "-o", "out.jpg", "--key", "bare.json", *more]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert says in one_line(captured.err)
    assert files(here) == before


def test_mark_keeps_an_existing_output(here: Path, capsys: Out) -> None:
    (here / "out.jpg").write_bytes(b"precious")
    arguments = ["mark", "plain.jpg", "-o", "out.jpg", "--key", "bare.json", "--no-manifest", "x"]
    assert run(arguments) == 2
    assert "out.jpg" in one_line(capsys.readouterr().err)
    assert (here / "out.jpg").read_bytes() == b"precious"
    assert run([*arguments, "--overwrite"]) == 0
    assert (here / "out.jpg").read_bytes() != b"precious"


# --- bad input, everywhere the same: one line, status 2, no output, nothing left behind ---


def truncated(folder: Path) -> str:
    (folder / "in.jpg").write_bytes(jpeg(picture())[:5000])
    return "in.jpg"


def empty(folder: Path) -> str:
    (folder / "in.png").write_bytes(b"")
    return "in.png"


def mislabelled(folder: Path) -> str:
    (folder / "in.png").write_bytes(jpeg(picture()))
    return "in.png"


def text(folder: Path) -> str:
    (folder / "in.jpg").write_text("not a picture\n" * 100)
    return "in.jpg"


def bomb(folder: Path) -> str:
    # A bilevel TIFF whose header claims 10^10 pixels; BMP headers are simpler still.
    size = (100_000).to_bytes(4, "little")
    header = (40).to_bytes(4, "little") + size + size + b"\1\0\x18\0" + bytes(24)
    (folder / "in.bmp").write_bytes(
        b"BM" + bytes(4) + bytes(4) + (54).to_bytes(4, "little") + header + bytes(100)
    )
    return "in.bmp"


def absent(folder: Path) -> str:
    return "absent.jpg"


def in_a_missing_folder(folder: Path) -> str:
    return "absent/in.jpg"


def a_folder(folder: Path) -> str:
    (folder / "in.jpg").mkdir()
    return "in.jpg"


def through_a_file(folder: Path) -> str:
    return "plain.jpg/in.jpg"


def a_pipe(folder: Path) -> str:
    os.mkfifo(folder / "in.jpg")
    return "in.jpg"


def a_null_character(folder: Path) -> str:
    return "in\0.jpg"


def unreadable(folder: Path) -> str:
    if os.geteuid() == 0:
        pytest.skip("root can read everything")
    (folder / "in.jpg").write_bytes(jpeg(picture()))
    (folder / "in.jpg").chmod(0)
    return "in.jpg"


BAD_INPUT = [
    truncated, empty, text, bomb, absent, in_a_missing_folder, a_folder, through_a_file, a_pipe,
    a_null_character, unreadable, mislabelled,
]  # fmt: skip


@pytest.mark.parametrize("key", [[], ["--key", "key.json"]], ids=["no key", "key"])
@pytest.mark.parametrize("make", BAD_INPUT)
def test_detect_bad_input(
    make: Callable[[Path], str], key: list[str], here: Path, capsys: Out
) -> None:
    name = make(here)
    before = sorted(here.iterdir())
    for more in ([], ["--json"]):
        assert run(["detect", name, *key, *more]) == 2
        captured = capsys.readouterr()
        assert not captured.out
        assert name.partition("\0")[0] in one_line(captured.err)
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("make", BAD_INPUT)
def test_mark_bad_input(make: Callable[[Path], str], here: Path, capsys: Out) -> None:
    name = make(here)
    before = sorted(here.iterdir())
    assert run(["mark", name, "-o", "out.png", "--key", "bare.json", "--no-manifest", "x"]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    one_line(captured.err)
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    "output",
    ["absent/out.png", "plain.jpg/out.png", "out.xyz", "out", "out.gif", "folder.png", "plain.jpg"],
)
def test_mark_bad_output(output: str, here: Path, capsys: Out) -> None:
    (here / "folder.png").mkdir()
    before = (sorted(here.rglob("*")), files(here))
    arguments = ["mark", "plain.jpg", "-o", output, "--key", "bare.json", "--no-manifest", "x"]
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert output in one_line(captured.err)
    assert (sorted(here.rglob("*")), files(here)) == before


def wrong_key_text(folder: Path) -> None:
    (folder / "bad.json").write_text("hello")


def wrong_key_picture(folder: Path) -> None:
    (folder / "bad.json").write_bytes((folder / "marked.png").read_bytes())


def wrong_key_json(folder: Path) -> None:
    (folder / "bad.json").write_text('{"schema": "something else"}')


def corrupt_key(folder: Path) -> None:
    data = json.loads((folder / "bare.json").read_text())
    data["secret"] = data["secret"][:-1] + ("0" if data["secret"][-1] != "0" else "1")
    (folder / "bad.json").write_text(json.dumps(data))


def cut_off_key(folder: Path) -> None:
    (folder / "bad.json").write_bytes((folder / "bare.json").read_bytes()[:60])


def empty_key(folder: Path) -> None:
    (folder / "bad.json").write_bytes(b"")


def key_folder(folder: Path) -> None:
    (folder / "bad.json").mkdir(mode=0o700)


def open_key(folder: Path) -> None:
    (folder / "bad.json").write_bytes((folder / "bare.json").read_bytes())
    (folder / "bad.json").chmod(0o644)


def no_key(folder: Path) -> None:
    pass


BAD_KEYS = [
    wrong_key_text, wrong_key_picture, wrong_key_json, corrupt_key, cut_off_key, empty_key,
    key_folder, open_key, no_key,
]  # fmt: skip


@pytest.mark.parametrize("make", BAD_KEYS)
def test_bad_key_files(make: Callable[[Path], None], here: Path, capsys: Out) -> None:
    make(here)
    if make is not open_key and (here / "bad.json").is_file():
        (here / "bad.json").chmod(0o600)
    before = sorted(here.iterdir())
    secret = json.loads((here / "bare.json").read_text())["secret"]
    for arguments in (
        ["detect", "plain.jpg", "--key", "bad.json"],
        ["mark", "plain.jpg", "-o", "out.jpg", "--key", "bad.json", "--no-manifest", "x"],
    ):
        assert run(arguments) == 2
        captured = capsys.readouterr()
        assert not captured.out
        line = one_line(captured.err)
        assert "bad.json" in line
        assert secret[:16] not in line
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("trust", ["absent.pem", "plain.jpg", "key.sign.pem"])
def test_bad_trust_files(trust: str, here: Path, capsys: Out) -> None:
    names = ["plain.jpg", "marked.png"]  # several inputs, and still one line
    assert run(["detect", *names, "--trust", trust]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert trust in one_line(captured.err)


# --- the process ---


def mind_signals() -> None:
    """Undo that a shell without job control lets what it starts in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def process(*arguments: str, **options: object) -> Iterator["subprocess.Popen[str]"]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "waarmerk", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=mind_signals,  # noqa: PLW1509 - no threads here
        **options,  # type: ignore[call-overload]
    ) as one:
        try:
            yield one
        finally:
            one.kill()  # so that a test that fails does not wait for ever


def test_the_process_has_the_exit_status(here: Path) -> None:
    with process("detect", "absent.jpg", cwd=here) as one:
        out, error = one.communicate(timeout=60)
    assert (one.returncode, out) == (2, "")
    one_line(error)


def test_interrupt_is_one_line_and_130(here: Path) -> None:
    os.mkfifo(here / "pipe.json", 0o600)
    with process("detect", "plain.jpg", "--key", "pipe.json", cwd=here) as one:
        # This returns when the other side reads; it then waits for a key that never comes.
        descriptor = os.open(here / "pipe.json", os.O_WRONLY)
        one.send_signal(signal.SIGINT)
        out, error = one.communicate(timeout=60)
        os.close(descriptor)
    assert one.returncode == 130
    assert not out
    assert error.strip() == "waarmerk: interrupted"


def test_termination_is_one_line_and_143(here: Path) -> None:
    os.mkfifo(here / "pipe.json", 0o600)
    with process("detect", "plain.jpg", "--key", "pipe.json", cwd=here) as one:
        descriptor = os.open(here / "pipe.json", os.O_WRONLY)
        one.terminate()
        out, error = one.communicate(timeout=60)
        os.close(descriptor)
    assert one.returncode == 143
    assert not out
    assert error.strip() == "waarmerk: terminated"


def test_a_terminated_demo_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with process("demo") as one:
        assert one.stdout is not None
        assert "secret key" in one.stdout.readline()
        assert list(tmp_path.iterdir())
        one.terminate()
        _, error = one.communicate(timeout=120)
    assert one.returncode == 143
    assert error.strip() == "waarmerk: terminated"
    assert not list(tmp_path.iterdir())


def test_a_closed_pipe_is_no_error_message(here: Path) -> None:
    with process("detect", "plain.jpg", "--json", cwd=here) as one:
        assert one.stdout is not None
        assert one.stderr is not None
        one.stdout.close()
        error = one.stderr.read()
        one.wait(timeout=60)
    assert one.returncode == 141
    assert not error


def test_output_that_the_terminal_cannot_show(here: Path) -> None:
    name = "caf\u00e9 \u2603.png"
    (here / name).write_bytes((here / "marked.png").read_bytes())
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "waarmerk", "detect", name],
        cwd=here, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.startswith(b"caf\xe9 \\u2603.png: none found")


def test_warm_says_how_long_it_took(capsys: Out) -> None:
    assert run(["warm"]) == 0
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith("compiled in ")
