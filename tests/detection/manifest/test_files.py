"""Manifests that other software made: what is found in them, and that nothing asks the network.

The files are those of five independent writers, and what is expected of each is in
tests/c2pa_fixtures.py.
"""

import json
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.c2pa_fixtures import MODES, SHARED, TEST_ROOTS, expected, index, lists_of
from tests.detection.manifest.test_reader import CHAIN
from waarmerk.detection.manifest import INGREDIENT, read_manifest
from waarmerk.detection.manifest.trust import TrustList, TrustLists
from waarmerk.detection.reasons import IDENTITY_NOT_CHECKED, reason_in_dutch
from waarmerk.marking.provenance import GENERATED

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not SHARED.is_dir(), reason="needs the signed files in ../shared/fixtures/c2pa"
    ),
]


@pytest.mark.parametrize(
    "entry", [e for e in index() if e["agree"]], ids=lambda e: Path(e["file"]).name
)
@pytest.mark.parametrize("mode", MODES)
def test_files_on_which_two_validators_agree(entry, mode):
    with (SHARED / entry["file"]).open("rb") as file:
        finding = read_manifest(file, entry["mime"] or None, lists_of(mode))
    assert finding.status in expected(entry, mode), finding
    listed = {"trusted": TEST_ROOTS}.get(finding.status)
    assert finding.trust_list == listed or finding.status == "invalid"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("contentauth__c2pa-rs/cloud.jpg", "not_checked"),
        ("contentauth__c2pa-rs/unsupported_type.txt", "not_checked"),
        ("contentauth__c2pa-rs/prerelease.jpg", "error"),
        ("encypherai__encypher-c2pa/expired_signer.jpg", "error"),
        ("contentauth__c2pa-rs/malformed_cbor.jpg", "valid"),
        ("contentauth__c2pa-rs/signature_mismatch.jpg", "valid"),
    ],
)
def test_files_on_which_validators_differ(name, status):
    assert read_manifest((SHARED / name).read_bytes()).status == status


@pytest.mark.parametrize("entry", index(), ids=lambda e: Path(e["file"]).name)
def test_findings_are_fit_to_be_shown(entry):
    finding = read_manifest((SHARED / entry["file"]).read_bytes(), entry["mime"] or None)
    text = json.dumps(finding.as_dict())
    assert "@example" not in text
    said = [finding.signer, finding.generator, finding.reason, *finding.codes, *finding.signals]
    assert all(line.isprintable() and len(line) <= 300 for line in said if line is not None)
    assert finding.reason or finding.status in ("trusted", "valid", "absent")


def test_what_others_say():
    pdf = SHARED / "c2pa-org__public-testfiles/adobe-20240110-single_manifest_store.pdf"
    finding = read_manifest(pdf.read_bytes(), "application/pdf")
    assert finding.digital_source_type == GENERATED
    assert finding.signer == "cai-prod (Adobe Inc.)"
    assert finding.generator == "Adobe_Express/1.0.0 adobe_c2pa/0.7.11 c2pa-rs/0.28.1"
    assert [(i.relationship, i.status) for i in finding.ingredients] == [
        ("componentOf", "intact"),
        ("componentOf", "intact"),
    ]


def test_identity_that_is_not_checked_is_said():
    named = SHARED / "contentauth__c2pa-rs/signature_mismatch.jpg"
    assert read_manifest(named.read_bytes(), "image/jpeg").reason == IDENTITY_NOT_CHECKED
    assert "niet gecontroleerd" in reason_in_dutch(IDENTITY_NOT_CHECKED)
    remote = read_manifest((SHARED / "contentauth__c2pa-rs/cloud.jpg").read_bytes(), "image/jpeg")
    assert remote.reason.startswith("the manifest is stored elsewhere (https://")
    assert "nooit een verbinding" in reason_in_dutch(remote.reason)


def test_broken_ingredient_in_a_sound_whole():
    spoiled = SHARED / "contentauth__c2pa-rs/CIE-sig-CA.jpg"
    finding = read_manifest(spoiled.read_bytes(), "image/jpeg")
    assert f"claimSignature.mismatch{INGREDIENT}" in finding.codes
    assert "claimSignature.mismatch" not in finding.codes
    assert finding.ingredients[0].status == "broken"


def test_ingredients_of_ingredients():
    nested = SHARED / "c2pa-org__public-testfiles/adobe-20220124-CACAICAICICA.jpg"
    finding = read_manifest(nested.read_bytes(), "image/jpeg")
    assert {i.depth for i in finding.ingredients} == {1, 2, 3}
    assert {i.status for i in finding.ingredients} == {"intact", "no_manifest"}
    assert len(finding.ingredients) == 7


def test_time_of_an_old_claim_is_not_believed():
    # This one was stamped with the signer's own certificate.
    stamped = SHARED / "TrustNXT__c2pa-ts/trustnxt-icon-signed-timestamp.jpg"
    finding = read_manifest(stamped.read_bytes(), "image/jpeg")
    assert "timeStamp.trusted" in finding.codes
    assert finding.signed_at is None


# A filter of the kernel (seccomp) that kills the process at its first internet socket, whoever
# opens it. System calls have other numbers on other processors.
GUARD = """
import ctypes, platform, struct, sys
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
KILL, ALLOW = 0x80000000, 0x7FFF0000
steps = [(LOAD, 0, 0, 0), (EQUAL, 0, 3, SOCKET), (LOAD, 0, 0, 16),
         (EQUAL, 2, 0, 2), (EQUAL, 1, 0, 10), (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
program = Program(len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
def guard():
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    if libc.syscall({"x86_64": 317, "aarch64": 277}[platform.machine()], 1, 1,
                    ctypes.byref(program)):
        sys.exit(77)
"""  # fmt: skip


def guarded(body, *arguments):
    """Run Python that may not open an internet socket."""
    source = GUARD + textwrap.dedent(body)
    command = [sys.executable, "-c", source, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False)  # noqa: S603
    if done.returncode == 77:
        pytest.skip("this system lets no process guard itself with seccomp")
    return done


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="the guard is written for Linux on two kinds of processor",
)
def test_nothing_asks_the_network():
    done = guarded(
        """
        import json, pathlib
        from waarmerk.detection.manifest import read_manifest
        guard()
        shared = pathlib.Path(sys.argv[1])
        count = 0
        for entry in json.loads((shared / "index.json").read_text()):
            read_manifest((shared / entry["file"]).read_bytes(), entry["mime"] or None)
            count += 1
        print(count)
        """,
        SHARED,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(index())


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="the guard is written for Linux on two kinds of processor",
)
def test_the_guard_would_notice():
    # With the library's own settings, a manifest that is on the web is asked for.
    done = guarded(
        """
        import c2pa
        guard()
        with open(sys.argv[1], "rb") as file:
            try:
                c2pa.Reader("image/jpeg", file)
            except c2pa.C2paError as error:
                print(error)
        """,
        SHARED / "contentauth__c2pa-rs/cloud.jpg",
    )
    assert done.returncode < 0, done.stdout


def test_unmarked_file_costs_next_to_nothing():
    """Reading adds less than a millisecond of processor time to what the library takes."""
    import io
    import time

    import c2pa

    data = (SHARED / "c2pa-org__public-testfiles/adobe-20220124-A.jpg").read_bytes()
    lists = TrustLists([TrustList.from_bytes(CHAIN.root, "own"), *lists_of(next(iter(MODES)))])
    context = lists.context()

    def best(call):
        times = []
        for _ in range(30):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        return min(times)

    alone = best(lambda: c2pa.Reader.try_create("image/jpeg", io.BytesIO(data), context=context))
    assert best(lambda: read_manifest(data, "image/jpeg", lists)) < alone + 0.001
