"""Commands measured: seconds, processor seconds, peak memory; medians; a README's section."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
TRUNKRATE = str(Path(sys.executable).with_name("trunkrate"))


class CommandError(Exception):
    """A command failed; the message ends with what it said."""


@dataclass(frozen=True)
class Measured:
    """seconds : wall clock; cpu_s : user and system; peak_mb : resident set; output : what it printed."""

    seconds: float
    cpu_s: float
    peak_mb: float
    output: str


def run(command: list[str], allowed: tuple[int, ...] = (0,), limit_mb: float | None = None) -> Measured:
    """Run a command in a process of its own.

    allowed : exit codes that are no failure (trunkrate gives 1 where calls are without a rate)
    limit_mb : memory beyond which the process is ended
    """
    data = HERE / "data"
    data.mkdir(exist_ok=True)
    log, report = data / f"log-{os.getpid()}.txt", data / f"report-{os.getpid()}.txt"
    launch = [sys.executable, "-I", "-S", str(HERE / "launch.py"), str(report)]
    with log.open("wb") as file:
        process = subprocess.Popen([*launch, *command], stdout=file, stderr=subprocess.STDOUT, cwd=ROOT)
        if limit_mb is not None:
            threading.Thread(target=_watch, args=(process.pid, limit_mb), daemon=True).start()
        process.wait()
    output = log.read_text(encoding="utf-8", errors="replace")
    if process.returncode:
        raise CommandError(f"launch.py gave {process.returncode}:\n{output[-2000:]}")
    seconds, cpu_s, peak_kb, code = report.read_text(encoding="ascii").split()
    log.unlink()
    report.unlink()
    if int(code) not in allowed:
        raise CommandError(f"{' '.join(command)} gave {code}:\n{output[-2000:]}")
    return Measured(float(seconds), float(cpu_s), float(peak_kb) / 1024, output)


def _watch(launcher: int, limit_mb: float) -> None:
    """End the process that a launcher started when it holds more memory than the limit."""
    import psutil

    try:
        parent = psutil.Process(launcher)
        while parent.is_running():
            for process in parent.children():
                if process.memory_info().rss > limit_mb * 2**20:
                    process.kill()
            time.sleep(0.1)
    except psutil.Error:
        return


def alternating(contenders: dict[str, Callable[[], Measured]], repeats: int) -> dict[str, list[Measured]]:
    """Each contender `repeats` times, in turns, each round beginning with the next one."""
    found: dict[str, list[Measured]] = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            found[name].append(contenders[name]())
            print(f"  run {turn + 1}: {name} {found[name][-1].seconds:.2f} s", file=sys.stderr, flush=True)
    return found


def median(runs: list[Measured], name: str = "seconds") -> float:
    """Median of one figure."""
    return statistics.median(getattr(run, name) for run in runs)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, the first column left and the others right."""
    lines = [head, [":--", *("--:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def machine(*libraries: str) -> str:
    """Where it was measured, in one line."""
    model = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":")[1].strip()
                break
    except OSError:
        pass
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    return f"{os.cpu_count()} × {model}, Python {platform.python_version()}, {versions}."


def write_section(name: str, text: str) -> None:
    """Put text between the markers of a section of README.md."""
    readme = HERE / "README.md"
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    old = readme.read_text(encoding="utf-8")
    head, _, rest = old.partition(begin)
    tail = rest.partition(end)[2]
    readme.write_text(head + begin + text.rstrip("\n") + "\n" + end + tail, encoding="utf-8")
