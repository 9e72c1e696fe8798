"""The pages of `trunkrate channels --out`: whole, readable, and safe whatever the texts are."""

import base64
import csv
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import matplotlib
import pytest
from channels_case import ACCOUNTS, files, lines, row, run

from rating.channels.html import Column, table

ROOT = Path(__file__).parent.parent
DEMO = [
    str(ROOT / "cdr_samples" / "demo" / "cdrs"),
    "--accounts",
    str(ROOT / "cdr_samples/demo/accounts.yaml"),
]
VOID = {"meta", "img", "br"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "../../etc/passwd",
    "a/b\\c",
    "..",
    "con",
    "x" * 300,
    "x" * 299 + "y",
    "ligne élevée ☎ 電話",
    "&amp; & &lt;",
    "-",
    "index.html",
]


class Page(HTMLParser):
    """A page as its tags and texts; a tag that is not closed where it should be is an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self.images: list[dict[str, str]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        found = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(found["href"])
        if tag == "img":
            self.images.append(found)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        self.texts.append(data)
        if any(tag in self.open for tag in ("td", "th")):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def svg_of(image: dict[str, str]) -> ET.Element:
    kind, data = image["src"].split(",", 1)
    assert kind == "data:image/svg+xml;base64"
    return ET.fromstring(base64.b64decode(data, validate=True))


def words_of(image: dict[str, str]) -> list[str]:
    """The texts that a plot draws: each stands as a comment before its glyphs."""
    return re.findall(r"<!-- (.*?) -->", base64.b64decode(image["src"].split(",", 1)[1]).decode())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("channels") / "out"
    result = run(*DEMO, "--month", "2026-10", "--out", str(out))
    assert result.exit_code == 1, result.output
    assert result.stderr.endswith(f"9 pages: {out}/index.html\n")
    return out


# --- the demo month


def test_files_of_the_demo(demo: Path) -> None:
    trunks = (
        "allovoix",
        "chiffrelin",
        "diese",
        "mie-cornue",
        "mirabelle",
        "parchemain",
        "pistonnac",
        "val-orange",
    )
    pages = {f"2026-10-{i}-{name}.html" for i, name in enumerate(trunks, 1)}
    assert {path.name for path in demo.iterdir()} == pages | {"index.html", "channels.csv", "channels.json"}


def test_every_link_leads_to_a_page_and_every_page_back(demo: Path) -> None:
    index = Page(demo / "index.html")
    assert len(index.links) == 10
    for link in index.links:
        assert (demo / link).is_file()
        if link.endswith(".html"):
            assert Page(demo / link).links == ["index.html"]


def test_pages_need_nothing_from_elsewhere(demo: Path) -> None:
    for path in demo.glob("*.html"):
        page = Page(path)
        assert not {"script", "link", "iframe", "object"} & set(page.tags)
        assert [
            value for _, name, value in page.attributes if name == "src" and not value.startswith("data:")
        ] == []
        assert "url(" not in path.read_text(encoding="utf-8")


def test_pages_can_be_read_by_everyone(demo: Path) -> None:
    for path in demo.glob("*.html"):
        page = Page(path)
        assert ("html", "lang", "en") in page.attributes
        assert (page.tags["title"], page.tags["h1"], page.tags["main"]) == (1, 1, 1)
        assert page.tags["table"] == page.tags["caption"] > 0
        assert all(len(image["alt"]) > 40 for image in page.images)
        scopes = [value for tag, name, value in page.attributes if (tag, name) == ("th", "scope")]
        assert len(scopes) == page.tags["th"]


def test_index_has_the_fullest_trunk_first(demo: Path) -> None:
    rows = Page(demo / "index.html").rows
    assert [cell for cell in rows[1] if cell][:7] == [
        "Trunk",
        "Channels",
        "Peak",
        "Hour",
        "Offered",
        "Erlang B",
        "Blocked",
    ]
    order = [row[0].strip() for row in rows[2:]]
    assert order == [
        "pistonnac",
        "diese",
        "mirabelle",
        "mie-cornue",
        "parchemain",
        "val-orange",
        "allovoix",
        "chiffrelin",
        "paris",
        "lyon",
    ]
    assert rows[2][:8] == ["pistonnac", "1", "2", "Mon 26 Oct 16:00", "1.44", "59.0 %", "60.0 %", "6"]


def test_page_of_a_trunk_whose_channels_changed(demo: Path) -> None:
    page = Page(demo / "2026-10-8-val-orange.html")
    assert "6 of 4 channels at the peak (6 now); the busiest hour needs 7 for 1 %, the busy hour" in page.text
    assert "Channels: 4, 6 from Thu 15 Oct, 00:00:00." in page.text
    assert "At most 6 channels at once, first on Wed 14 Oct, 09:34:47" in page.text
    assert "No CDR has alert_time: no PDD." in page.text
    assert page.rows[1][:5] == [
        "Busiest hour of the month",
        "Wed 14 Oct, 09:00-10:00",
        "1.95",
        "2.05",
        "1.33 %",
    ]
    assert page.rows[1][5:] == ["2 of 32 (6.25 %)", "7", "8"]
    assert page.rows[4][:9] == ["All calls", "1,822", "1,632", "6", "0", "89.6 %", "89.9 %", "99.7 %", "3:00"]


def test_plots_show_what_they_should(demo: Path) -> None:
    month, week, blocking = Page(demo / "2026-10-8-val-orange.html").images
    for image in (month, week, blocking):
        assert svg_of(image).tag.endswith("svg")
    assert {"Mon 5 Oct", "Mon 26 Oct", "channels held", "calls blocked", "6"} <= set(words_of(month))
    assert {"Mon", "Sun", "08:00", "mean held (Erlangs)"} <= set(words_of(week))
    assert {"busiest hour of the month", "busy hour of working days", "channels now", "0.1 %"} <= set(
        words_of(blocking)
    )
    figures = json.loads((demo / "channels.json").read_text(encoding="utf-8"))
    line = lines(figures)["2026-10", "val-orange", None]
    peaks = Counter(str(peak) for day in line["week"]["peak"] for peak in day if peak)
    shown = Counter(words_of(week))
    assert all(shown[number] == count for number, count in peaks.items())


def test_a_page_has_a_part_for_each_site(demo: Path) -> None:
    page = Page(demo / "2026-10-2-chiffrelin.html")
    assert len(page.images) == 9
    assert "Site paris" in page.text
    assert "Site lyon" in page.text
    assert "6 of 6 channels at the peak" in page.text


def test_csv_has_the_figures_of_the_json(demo: Path) -> None:
    figures = lines(json.loads((demo / "channels.json").read_text(encoding="utf-8")))
    with (demo / "channels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["month"], row["trunk_id"], row["site_id"] or None) for row in rows] == list(figures)
    for row_, line in zip(rows, figures.values(), strict=True):
        busiest, busy, both = line["busiest_hour"], line["busy_hour"], line["calls"]["both"]
        assert int(row_["peak_channels"]) == line["peak_channels"]
        assert float(row_["busiest_offered_erlangs"]) == busiest["offered_erlangs"]
        assert int(row_["busiest_channels_for_1%"]) == busiest["channels_for"]["1 %"]
        assert int(row_["busy_channels_for_0.1%"]) == busy["channels_for"]["0.1 %"]
        assert (row_["busiest_hour"], row_["busy_hour"]) == (busiest["from"], f"{busy['local_hour']:02d}:00")
        assert [row_[name] for name in ("asr", "acd_s")] == [str(both[name]) for name in ("asr", "acd_s")]
        assert row_["pdd_median_ms"] == str(both["pdd_median_ms"] or "")


def test_same_bytes_whatever_the_users_settings_are(demo: Path, tmp_path: Path) -> None:
    with matplotlib.rc_context(
        {"font.size": 30, "svg.fonttype": "none", "axes.facecolor": "red", "savefig.dpi": 7}
    ):
        result = run(*DEMO, "--month", "2026-10", "--out", str(tmp_path / "again"))
        assert matplotlib.rcParams["font.size"] == 30
    assert result.exit_code == 1
    for path in demo.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


# --- odd months


def test_hostile_ids_stay_texts(tmp_path: Path) -> None:
    names = [json.dumps(name) for name in HOSTILE]
    site = 'sites: [{id: NAME, channels: 1, numbers: ["+33199000110"]}]'
    trunk = f"  - {{id: NAME, customer: c, channels: 1, {site}}}\n"
    trunks = "".join(trunk.replace("NAME", name) for name in names)
    accounts = (
        'customers:\n  - {id: c, name: "<b>Cabinet</b>", numbers: ["+33199000110"]}\ntrunks:\n' + trunks
    )
    rows = [
        row(
            f"c{i}",
            "2026-10-05T09:00:00Z",
            "2026-10-05T09:10:00Z",
            trunk=f'"{name.replace(chr(34), chr(34) * 2)}"',
        )
        for i, name in enumerate(HOSTILE)
    ]
    out = tmp_path / "out"
    result = run(*files(tmp_path, rows, accounts), "--out", str(out))
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"out", "cdrs.csv", "accounts.yaml"}
    pages = [path for path in out.iterdir() if path.suffix == ".html" and path.name != "index.html"]
    assert len(pages) == len(HOSTILE)
    assert all(re.fullmatch(r"2026-10-[0-9]{2}[a-z0-9-]*\.html", path.name) for path in pages)
    assert max(len(path.name) for path in pages) < 64
    assert len({path.name.lower() for path in pages}) == len(pages)
    index = Page(out / "index.html")
    named = {row_[0].strip() for row_ in index.rows[2:]}
    assert named == {name.strip() for name in HOSTILE}
    assert {(out / unquote(link)).resolve() for link in index.links if link.endswith(".html")} == {
        path.resolve() for path in pages
    }
    for path in [*pages, out / "index.html"]:
        page = Page(path)
        assert not {"script", "b"} & set(page.tags)
        assert page.tags["img"] in (0, 6)
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    with (out / "channels.csv").open(encoding="utf-8", newline="") as file:
        assert {row_["trunk_id"] for row_ in csv.DictReader(file)} == set(HOSTILE)


def test_a_peak_is_held_against_the_channels_of_its_time(tmp_path: Path) -> None:
    accounts = ACCOUNTS.replace(
        "channels: 2",
        "channels: [{to: 2026-10-03, channels: 1}, {from: 2026-10-03, to: 2026-10-20, channels: 3}, "
        "{from: 2026-10-20, channels: 4}]",
    )
    for day, words in (
        ("02", "1 of 1 channel at the peak (4 now);"),
        ("05", "1 of 3 channels"),
        ("21", "1 of 4 channels at the peak;"),
    ):
        rows = [row("a", f"2026-10-{day}T09:00:00Z", f"2026-10-{day}T09:10:00Z")]
        assert run(*files(tmp_path, rows, accounts), "--out", str(tmp_path / day)).exit_code == 0
        assert words in Page(tmp_path / day / "2026-10-1-t1.html").text


def test_a_trunk_without_a_call(tmp_path: Path) -> None:
    accounts = ACCOUNTS + "  - {id: t2, customer: c, channels: 5}\n"
    rows = [row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:10:00Z")]
    result = run(*files(tmp_path, rows, accounts), "--month", "2026-10", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    page = Page(tmp_path / "out" / "2026-10-2-t2.html")
    assert "No call. Channels: 5." in page.text
    assert page.images == []
    last = Page(tmp_path / "out" / "index.html").rows[-1]
    assert last[:4] == ["t2", "5", "0", "no call"]
    assert not any(last[4:])


def test_a_site_without_channels(tmp_path: Path) -> None:
    accounts = ACCOUNTS.replace("channels: 2", 'channels: 2, sites: [{id: lyon, numbers: ["+33199000110"]}]')
    rows = [row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:10:00Z")]
    result = run(*files(tmp_path, rows, accounts), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert re.search(r"^    lyon +no cap +1 ", result.stdout, re.MULTILINE)
    page = Page(tmp_path / "out" / "2026-10-1-t1.html")
    assert "1 channel at the peak; the busiest hour needs 3 for 1 %" in page.text
    assert "Channels: those of the trunk, the site has no cap of its own." in page.text
    month, _, blocking = page.images[3:]
    assert {"channels", "channels now"} <= {*words_of(page.images[0]), *words_of(page.images[2])}
    assert not {"channels now"} & set(words_of(blocking))
    assert words_of(month).count("channels") == 0
    with (tmp_path / "out" / "channels.csv").open(encoding="utf-8", newline="") as file:
        assert [row_["channels"] for row_ in csv.DictReader(file)] == ["2", ""]


def test_a_trunk_of_which_every_call_was_blocked(tmp_path: Path) -> None:
    rows = [
        row(f"c{i}", f"2026-10-05T09:00:0{i}Z", f"2026-10-05T09:00:0{i}Z", reason="no_channel")
        for i in range(3)
    ]
    accounts = ACCOUNTS.replace("channels: 2", "channels: 0")
    result = run(*files(tmp_path, rows, accounts), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    page = Page(tmp_path / "out" / "2026-10-1-t1.html")
    assert "0 of 0 channels at the peak; what it was offered is not known." in page.text
    assert "Every call was blocked" in page.text
    assert len(page.images) == 2


def test_without_end_reasons_the_page_says_that_blocked_calls_cannot_be_seen(tmp_path: Path) -> None:
    rows = [row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:10:00Z")]
    for reason, is_said in (("", True), ("normal", False)):
        rows = [row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:10:00Z", reason=reason)]
        out = tmp_path / f"out{reason}"
        assert run(*files(tmp_path, rows), "--out", str(out)).exit_code == 0
        assert ("blocked calls cannot be seen" in Page(out / "2026-10-1-t1.html").text) == is_said


def test_months_have_tables_and_pages_of_their_own(tmp_path: Path) -> None:
    rows = [
        row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:10:00Z"),
        row("b", "2026-11-05T09:00:00Z", "2026-11-05T09:10:00Z"),
    ]
    out = tmp_path / "out"
    assert run(*files(tmp_path, rows), "--out", str(out)).exit_code == 0
    index = Page(out / "index.html")
    assert "Channels, October 2026 to November 2026" in index.text
    assert index.links[:2] == ["2026-11-1-t1.html", "2026-10-1-t1.html"]
    assert "t1, November 2026" in Page(out / "2026-11-1-t1.html").text


def test_the_doubled_hour_is_told_with_its_offset(tmp_path: Path) -> None:
    rows = [row("a", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z")]
    out = tmp_path / "out"
    assert run(*files(tmp_path, rows), "--out", str(out)).exit_code == 0
    text = Page(out / "2026-10-1-t1.html").text
    assert "first on Sun 25 Oct, 02:00:00 UTC+01:00" in text
    assert "Sun 25 Oct, 02:00-03:00 UTC+01:00" in text


def test_thousands_of_channels_are_drawn(tmp_path: Path) -> None:
    rows = [row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:10:00Z")]
    accounts = ACCOUNTS.replace("channels: 2", "channels: 100000")
    out = tmp_path / "out"
    assert run(*files(tmp_path, rows, accounts), "--gos", "0.0000001%", "--out", str(out)).exit_code == 0
    assert "1 of 100,000 channels at the peak" in Page(out / "2026-10-1-t1.html").text


# --- the folder


def test_a_folder_that_exists_is_spared(tmp_path: Path) -> None:
    arguments = files(tmp_path, [row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:10:00Z")])
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    result = run(*arguments, "--out", str(out))
    assert result.exit_code == 2
    assert result.stderr == f"{out}: exists; expected a new folder. Nothing was counted. [OUT-EXISTS]\n"
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_a_run_that_fails_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two trunks the second page cannot be written, as on a full disk."""
    arguments = files(tmp_path, [row("a", "2026-10-05T09:00:00Z", "2026-10-05T09:10:00Z")])
    place = tmp_path / "new" / "out"
    written = Path.write_text

    def full(self: Path, *text: str, **more: str) -> int:
        if self.name == "channels.csv":
            raise OSError(28, "No space left on device")
        return written(self, *text, **more)

    monkeypatch.setattr(Path, "write_text", full)
    result = run(*arguments, "--out", str(place))
    assert result.exit_code == 2
    assert "cannot be written (No space left on device)" in result.stderr
    assert not list(place.parent.iterdir())


def test_cells_of_a_table_are_html_and_heads_are_text() -> None:
    found = table("a < b", [Column("<x>"), Column("y", is_text=True)], [["<b>1</b>", "2"]])
    assert "<caption>a &lt; b</caption>" in found
    assert '<th scope="col" class="id">&lt;x&gt;</th><th scope="col" class="text">y</th>' in found
    assert '<tr><th scope="row" class="id"><b>1</b></th><td class="text">2</td></tr>' in found
