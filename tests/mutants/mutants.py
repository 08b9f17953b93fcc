"""Shows that the tests notice when the safety code is sabotaged.

list.py names the sabotages. A copy of the project under build/mutants/ gets all of them, each behind a switch, and is
built once; LOA_MUTANT=number in the environment chooses one. A mutant is killed when a suite fails, crashes or hangs;
one that passes all suites survives, and must be explained in the list. At least 95 % must be killed.

To look at one: LOA_MUTANT=3 build/mutants/build/tests/journal_test
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from list import MUTANTS

PROJECT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "build/mutants/source"
BUILD = PROJECT / "build/mutants/build"
COPIED = ["CMakeLists.txt", "CMakePresets.json", "config", "src", "tests"]
KILLED_AT_LEAST = 0.95
LEAST_LIMIT = 30  # seconds, and ten times what a suite takes without a mutant
MEMORY = 2 * 1024**3  # bytes; a mutant may take memory without an end

# From cheap to dear. Of the simulations fewer seeds than ctest runs: enough for these.
SUITES = {
    "journal_test": {},
    "pace_test": {},
    "share_test": {},
    "subscribers_test": {},
    "ladder_test": {},
    "dispatch_test": {},
    "store_test": {},
    "gateway_test": {},
    "guard_test": {},
    "repeat_test": {},
    "canonical_test": {},
    "subset_test": {},
    "folder_test": {},
    "dispatch_simulation": {"LOA_SEEDS": "500"},
    "journal_simulation": {"LOA_SEEDS": "10000"},
    "doubts_simulation": {"LOA_SEEDS": "300"},
    "clock_simulation": {},
    "fair_simulation": {"LOA_SEEDS": "30"},
    "curl_http_test": {},
    "carrier_faults_test": {},
    "drill": {},
}


def command_of(suite):
    bounded = ["prlimit", f"--as={MEMORY}"]
    if suite == "drill":
        return [*bounded, BUILD / "src/loa", "drill", "--kills", "8", "--seed", "1"]
    return [*bounded, BUILD / "tests" / suite]


def span_of(mutant, text, was):
    """Where the part between « and » of `was` stands in the text; without these, all of it."""
    head, _, rest = was.partition("«") if "«" in was else ("", "", was)
    middle, _, tail = rest.partition("»")
    whole = head + middle + tail
    if text.count(whole) != 1:
        sys.exit(f"{mutant.name}: this stands {text.count(whole)} times in {mutant.file}, not once:\n{whole}")
    begin = text.index(whole) + len(head)
    return begin, begin + len(middle)


def switched(was, choices):
    """The code with its sabotages, each behind its number. What ends with a semicolon is a statement."""
    if was.endswith(";"):
        return "{ " + "".join(f"if (loa_mutant({n})) {{ {becomes} }} else " for n, becomes in choices) + f"{{ {was} }} }}"
    return "(" + "".join(f"loa_mutant({n}) ? ({becomes}) : " for n, becomes in choices) + f"({was}))"


def mutate(file, text):
    """The text of one source file with all sabotages that the list has for it."""
    choices = {}
    for number, mutant in enumerate(MUTANTS, 1):
        for was, becomes in mutant.edits if mutant.file == file else []:
            choices.setdefault(span_of(mutant, text, was), []).append((number, becomes))
    end = len(text)
    for span in sorted(choices, reverse=True):
        if span[1] > end:
            sys.exit(f"{file}: two mutants overlap and are not of the same text: {text[slice(*span)]}")
        end = span[0]
        text = text[:span[0]] + switched(text[slice(*span)], choices[span]) + text[span[1]:]
    return text


def copy_sources():
    """Leaves alone what has not changed, so that little is built again."""
    files = {path.relative_to(PROJECT) for name in COPIED for path in [PROJECT / name, *(PROJECT / name).rglob("*")]
             if path.is_file() and "__pycache__" not in path.parts}
    for mutant in MUTANTS:
        if pathlib.Path(mutant.file) not in files:
            sys.exit(f"{mutant.name}: there is no {mutant.file}")
    for file in files:
        content = (PROJECT / file).read_bytes()
        if file.suffix == ".cpp" and file.parts[0] == "src":
            content = mutate(str(file), content.decode()).encode()
        copy = SOURCE / file
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
            shutil.copymode(PROJECT / file, copy)
    for copy in SOURCE.rglob("*"):
        if copy.is_file() and copy.relative_to(SOURCE) not in files:
            copy.unlink()


def build():
    header = SOURCE / "tests/mutants/mutant.hpp"
    subprocess.run(["cmake", "--preset", "release", "-S", SOURCE, "-B", BUILD, "-DLOA_WERROR=OFF", "-DLOA_BENCH=OFF",
                    "-DLOA_FAILPOINTS=OFF", f"-DCMAKE_CXX_FLAGS=-w -include {header}", "-DCMAKE_CXX_FLAGS_RELEASE=-O1"],
                   check=True, stdout=subprocess.DEVNULL)
    targets = ["loa", "loa-sim", *(suite for suite in SUITES if suite != "drill")]
    subprocess.run(["cmake", "--build", BUILD, "--target", *targets], check=True)


def failure_of(suite, number, limit):
    """How the suite fails with this mutant, in a few words; "" when it passes."""
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, **SUITES[suite], LOA_MUTANT=str(number), TMPDIR=folder,
                           TEST_TMPDIR=folder + "/", GTEST_FAIL_FAST="1")
        try:
            done = subprocess.run(command_of(suite), cwd=folder, env=environment, timeout=limit, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        except subprocess.TimeoutExpired:
            return f"hangs for {limit:.0f} s"
    if done.returncode == 0:
        return ""
    tests = re.findall(r"^\[ +(?:FAILED|RUN) +\] ([^\s,]+)", done.stdout, re.MULTILINE)
    how = "" if done.returncode > 0 else "crashes"
    return " ".join([*tests[-1:], how]).strip() or "fails"


def fate_of(number, limits):
    """What kills the mutant, "" for nothing; and how many seconds that took."""
    mutant = MUTANTS[number - 1]
    began = time.monotonic()
    for suite in [*mutant.by, *(suite for suite in SUITES if suite not in mutant.by)]:
        failure = failure_of(suite, number, limits[suite])
        if failure:
            return f"{suite}: {failure}", time.monotonic() - began
    return "", time.monotonic() - began


def measure_suites():
    """Each suite's time limit. All of them must pass while no mutant is at work."""
    limits = {}
    for suite in SUITES:
        began = time.monotonic()
        failure = failure_of(suite, 0, 600)
        seconds = time.monotonic() - began
        print(f"without a mutant: {suite} {failure or 'passes'} ({seconds:.1f} s)", flush=True)
        if failure:
            sys.exit(1)
        limits[suite] = max(LEAST_LIMIT, 10 * seconds)
    return limits


def main(names):
    known = [mutant.name for mutant in MUTANTS]
    for name in names:
        if name not in known:
            sys.exit(f"there is no mutant '{name}'")
    chosen = [number for number, name in enumerate(known, 1) if not names or name in names]
    copy_sources()
    build()
    limits = measure_suites()

    killed = 0
    unexplained = 0
    width = max(len(name) for name in known)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (killer, seconds) in zip(chosen, pool.map(lambda one: fate_of(one, limits), chosen)):
            mutant = MUTANTS[number - 1]
            killed += killer != ""
            unexplained += killer == "" and mutant.survives == ""
            fate = killer or "SURVIVES: " + (mutant.survives or "and nobody says why")
            print(f"{number:3} {mutant.name:{width}}  {seconds:5.1f} s  {fate}", flush=True)
    share = killed / len(chosen)
    print(f"mutants: {killed} of {len(chosen)} killed ({share:.1%})")
    return 0 if share >= KILLED_AT_LEAST and unexplained == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
