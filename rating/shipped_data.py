"""Where shipped tariff books and numbering plans are: in the checkout, or installed beside the code."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def shipped(name: Path | str) -> Path:
    """Path of a shipped file or folder (it may not exist)."""
    installed = _HERE / "shipped"
    return (installed if installed.is_dir() else _HERE.parent / "tariffs") / name


def shipped_books() -> list[str]:
    """Names of the tariff books that ship."""
    return sorted(path.parent.name for path in shipped("").glob("*/book.yaml"))
