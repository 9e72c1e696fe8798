"""HTML by hand: a page, a table, a figure. No script, no file from elsewhere: images are inline."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin: 0.4rem 0 0.2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.4rem; overflow-wrap: anywhere; }
h3 { font-size: 1.02rem; margin: 1.4rem 0 0.3rem; }
p.headline { font-size: 1.15rem; font-weight: 600; margin: 0.4rem 0; }
p.about, p.note, figcaption { color: #454545; margin: 0.3rem 0; }
a { color: #08519c; }
figure { margin: 0.6rem 0; }
figure img { display: block; width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.4rem 0;
  font-size: 0.9rem; }
caption { text-align: left; color: #454545; padding-bottom: 0.3rem; }
th, td { padding: 0.25rem 0.55rem; border-bottom: 1px solid #d9d9d9; text-align: right; white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; }
th[scope=colgroup] { text-align: center; }
th.text, td.text, th.id { text-align: left; }
th.id { white-space: normal; overflow-wrap: anywhere; min-width: 7rem; max-width: 22rem; }
thead tr:first-child:not(:last-child) > * { border-bottom: none; }
tr > .begin { border-left: 1px solid #d9d9d9; }
tbody tr:hover { background: #f5f8fc; }
dt { font-weight: 600; margin-top: 0.5rem; }
dd { margin: 0 0 0 1.2rem; }
@media print {
  body { margin: 0; max-width: none; } h2 { break-after: avoid; } figure { break-inside: avoid; }
}
"""


class Column(NamedTuple):
    """A column of a table: its head as text; whether its cells are words; whether it begins a group."""

    head: str
    is_text: bool = False
    begins: bool = False


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page.

    Parameters
    ----------
    title : text; parts : HTML
    """
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    )
    return head + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    groups: Sequence[tuple[str, int]] = (),
) -> str:
    """A table; the first cell of each row is its head.

    Parameters
    ----------
    caption : text; rows : cells as HTML
    groups : heads above the columns, each over how many
    """
    marks = [_classes("id" if i == 0 else "", column) for i, column in enumerate(columns)]
    heads = [
        f'<th scope="col"{mark}>{escape(column.head)}</th>'
        for column, mark in zip(columns, marks, strict=True)
    ]
    above = "".join(
        f'<th scope="colgroup" colspan="{span}"{_begin(i > 0)}>{escape(head)}</th>'
        if head
        else f'<td colspan="{span}"></td>'
        for i, (head, span) in enumerate(groups)
    )
    body = [
        f'<tr><th scope="row"{marks[0]}>{row[0]}</th>'
        + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(row[1:], marks[1:], strict=True))
        + "</tr>"
        for row in rows
    ]
    lines = [
        f'<div class="wide"><table>\n<caption>{escape(caption)}</caption>\n<thead>',
        *([f"<tr>{above}</tr>"] if groups else []),
        f"<tr>{''.join(heads)}</tr>\n</thead>\n<tbody>",
        *body,
        "</tbody>\n</table></div>",
    ]
    return "\n".join(lines)


def figure(svg: bytes, words: str) -> str:
    """A plot, and what it shows in words."""
    source = base64.b64encode(svg).decode("ascii")
    return (
        f'<figure><img alt="{escape(words)}" src="data:image/svg+xml;base64,{source}">\n'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def _classes(kind: str, column: Column) -> str:
    names = [kind, "text" if column.is_text else "", "begin" if column.begins else ""]
    found = " ".join(name for name in names if name)
    return f' class="{found}"' if found else ""


def _begin(begins: bool) -> str:
    return ' class="begin"' if begins else ""
