"""What the docs show is what happens."""

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from rating.accounts_file import load_accounts
from rating.cli import main
from rating.reasons import REASONS
from rating.schema import rated_schema
from rating.tariffs import load_book

ROOT = Path(__file__).parent.parent
USERS = ("operator", "finance", "network-engineer")


def _make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs" / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_docs = _make_docs()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("demo") / "demo"
    arguments = ["rate", "cdr_samples/demo/cdrs", "--accounts", "cdr_samples/demo/accounts.yaml"]
    arguments += ["--tariffs", "contract", "--month", "2026-10", "--out", str(out), "--csv"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1, result.output
    return result.output.replace(str(out), "out/demo")


def without_times(text: str) -> str:
    return re.sub(r"in [0-9.]+ s, .*", "in … s", text)


def test_readme_shows_the_demo_as_it_is(demo: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert without_times(demo) in without_times(readme)


def test_readme_shows_both_commands_and_output_in_its_first_30_lines() -> None:
    head = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30]
    assert any(line.startswith("make demo") for line in head)
    assert any(line.startswith("make test") for line in head)
    assert any(line.startswith("October 2026: 8 trunks") for line in head)


def test_readme_shows_how_many_tests_there_are(request: pytest.FixtureRequest) -> None:
    """Only a run of the whole suite, as `make test` does, can tell."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^(\d+) passed, (\d+) skipped", readme, re.MULTILINE)
    assert shown
    if request.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        assert int(shown[1]) + int(shown[2]) == request.session.testscollected


def test_network_engineers_page_shows_the_channels_as_they_are() -> None:
    arguments = ["channels", "cdr_samples/demo/cdrs", "--accounts", "cdr_samples/demo/accounts.yaml"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        result = CliRunner().invoke(main, [*arguments, "--month", "2026-10"])
    assert result.exit_code == 1, result.output
    page = (ROOT / "docs" / "network-engineer.md").read_text(encoding="utf-8")
    assert f"trunkrate {' '.join(arguments)} --month 2026-10 --out out/channels\n" in page
    assert f"```\n{result.stdout}```\n" in page


def test_makefile_demo_runs_the_command_that_is_tested_here() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    command = re.search(r"trunkrate rate (.*?);", makefile)
    assert command
    expected = "cdr_samples/demo/cdrs --accounts cdr_samples/demo/accounts.yaml --tariffs contract"
    assert " ".join(command[1].split()) == f"{expected} --month 2026-10 --out out/demo --csv --force"


def test_demo_shows_every_reason(demo: str) -> None:
    shown = {line.split()[0] for line in demo.splitlines() if line.startswith("  ") and line.split()}
    assert shown >= {*REASONS} - {"over_cap"}, "the contract's plans flag calls over cap, and bill none"


def test_demo_amounts_add_up(demo: str) -> None:
    rows = [line.split() for line in demo.splitlines()]
    by_reason = {row[0]: row for row in rows if row and row[0] in REASONS}
    cents = sum(round(float(row[-1]) * 10_000) for row in by_reason.values() if len(row) == 5)
    total = next(row for row in rows if row[:2] == ["all", "calls"])
    assert cents == round(float(total[-1]) * 10_000)


def test_links_of_the_docs_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tariffs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize("page", ["rules.md", "commands.md", "data-model.md", "formats.md"])
def test_generated_pages_are_current(page: str) -> None:
    """`make docs` makes them anew."""
    assert make_docs.pages()[page] == (ROOT / "docs" / page).read_text(encoding="utf-8")


def test_every_command_has_its_help_and_an_example() -> None:
    for name, command in make_docs.walk(main, "trunkrate"):
        assert command.help, name
        if not isinstance(command, click.Group):
            assert f"Example: {name} " in command.get_help(click.Context(command, info_name=name)), name


def test_every_command_is_in_a_page_for_its_users() -> None:
    pages = "".join((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in USERS)
    for name, command in make_docs.walk(main, "trunkrate"):
        if not isinstance(command, click.Group):
            assert f"`{name}" in pages, name


def test_commands_in_the_docs_exist_with_their_options() -> None:
    known = dict(make_docs.walk(main, "trunkrate"))
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs" / f"{name}.md" for name in USERS)]:
        for line in re.findall(r"(?:`|^)(trunkrate [a-z][^`\n]*)", page.read_text(encoding="utf-8"), re.M):
            words = line.split()
            name = next((" ".join(words[:n]) for n in (3, 2) if " ".join(words[:n]) in known), None)
            assert name, f"{page.name}: {line}"
            options = {option for parameter in known[name].params for option in parameter.opts}
            for word in words:
                assert not word.startswith("--") or word in options, f"{page.name}: {line}: {word}"


def test_settings_page_shows_files_that_are_accepted(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    accounts, plan, windows = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "accounts.yaml").write_text(accounts, encoding="utf-8")
    book = load_book("contract")
    assert [trunk.id for trunk in load_accounts(tmp_path / "accounts.yaml", book).trunks] == ["t1"]
    shutil.copytree(ROOT / "tariffs" / "contract", tmp_path / "book")
    (tmp_path / "book" / "plans" / "unlimited-fixed.yaml").write_text(plan, encoding="utf-8")
    (tmp_path / "book" / "windows.yaml").write_text(windows, encoding="utf-8")
    found = load_book(tmp_path / "book")
    assert found.windows.names == ("peak", "night")
    assert [limit.suspend_plan for limit in found.plan("unlimited-fixed").fair_use] == [False, False, True]


def test_glossary_has_every_word_of_the_contract() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    for word in (
        "Trunk SIP",
        "Canal",
        "Site",
        "forfait",
        "renvoi immédiat permanent",
        "avoir",
        "Code d'Accès",
    ):
        assert f"| {word} |" in glossary


def test_help_shows_an_example_and_every_option() -> None:
    result = CliRunner().invoke(main, ["rate", "--help"])
    assert result.exit_code == 0
    assert "Example: trunkrate rate" in result.output
    for option in ("--accounts", "--tariffs", "--out", "--month", "--format", "--timezone", "--json"):
        assert option in result.output


def test_every_column_of_the_rated_calls_has_a_name_of_the_field() -> None:
    names = rated_schema(4).names
    assert len(names) == len(set(names)) == 32
    assert names[0] == "source"
    assert names[-1] == "tariff_version"
