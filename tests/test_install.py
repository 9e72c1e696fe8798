"""What is installed works without the checkout: the wheel carries book and numbering plan."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_wheel_rates_the_sample_month_away_from_the_checkout(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert not [name for name in names if name.startswith(("tests", "bench", "tariffs/"))]
    demo = ROOT / "cdr_samples" / "demo"
    arguments = [
        "rate",
        str(demo / "cdrs"),
        "--accounts",
        str(demo / "accounts.yaml"),
        "--tariffs",
        "contract",
    ]
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "rating.cli",
            *arguments,
            "--month",
            "2026-10",
            "--out",
            str(tmp_path / "out"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 1, result.stderr
    assert "10,390 rated + 9 unrated + 13 rejected" in result.stdout


def test_help_imports_nothing_heavy() -> None:
    heavy = "('pandas', 'pyarrow', 'numpy')"
    code = f"import sys, rating.cli; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.stdout.strip() == "[]"


def test_a_run_of_the_program_imports_no_pandas(tmp_path: Path) -> None:
    demo = ROOT / "cdr_samples" / "demo"
    files = [str(demo / "cdrs" / "gw3-2026-10.jsonl"), "--accounts", str(demo / "accounts.yaml")]
    heavy = "{'pandas', 'sqlalchemy', 'ijson', 'holidays'}"
    code = f"""
import sys
from rating.cli.start import run
try:
    run()
finally:
    print(sorted({heavy} & set(sys.modules)), "pyarrow" in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", code, "rate", *files, "--tariffs", "contract", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1, result.stderr
    assert result.stdout.endswith("\n[] True\n")
