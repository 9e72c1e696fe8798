"""docs/gateway.md shows what is: a file that is accepted, and every rule with its answer."""

from __future__ import annotations

import re
from pathlib import Path

from lab import write_certificate

from sipgw import answers
from sipgw.check import check_gateway
from sipgw.policy import MAX_HOPS
from sipgw.settings import CAP_REFUSAL, Limits
from sipgw.settings_file import load_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "gateway.md").read_text(encoding="utf-8")


def test_the_example_is_accepted_with_the_accounts_of_the_settings_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    accounts = re.findall(
        r"```yaml\n(.*?)```", (DOCS / "settings.md").read_text(encoding="utf-8"), re.DOTALL
    )[0]
    Path("gateway.yaml").write_text(example, encoding="utf-8")
    Path("accounts.yaml").write_text(accounts, encoding="utf-8")
    write_certificate(tmp_path, names=("trunk.example", "*.cabinet-exemple.trunk.example"))
    check = check_gateway("gateway.yaml", 1_791_187_200 * 10**9)
    assert (check.errors, check.warnings) == ((), ())
    found = load_settings("gateway.yaml")
    assert (found.cap_refusal, found.limits) == (CAP_REFUSAL, Limits())
    assert found.refusal_at_cap("t1").code == 503


def test_the_table_has_every_rule_in_order_with_its_answer():
    rows = re.findall(r"^\| (`[^|]*`) \|[^|]*\| ([^|]*) \| ([^|]*)\|$", PAGE, re.MULTILINE)
    shown = [
        (name, code, cause.strip()) for names, code, cause in rows for name in re.findall("`(.*?)`", names)
    ]
    rules = [value for name, value in vars(answers).items() if name.isupper() and isinstance(value, str)]
    order = [name for name, _, _ in shown]
    assert sorted(order) == sorted(rules)
    for name, code, cause in shown:
        if name in answers.ANSWERS:
            code_there, cause_there, _ = answers.ANSWERS[name]
            assert (code, cause) == (str(code_there), str(cause_there))
        else:
            assert code in ("admitted", "`cap_refusal`")


def test_the_number_of_forwards_is_the_one_that_counts():
    assert f"forwarded more than {MAX_HOPS} times" in PAGE
