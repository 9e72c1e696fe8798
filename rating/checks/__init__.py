"""What is wrong and what is suspicious in a tariff book or an accounts file, before anything is rated."""

from rating.checks.check import Check, check_accounts, check_tariff

__all__ = ["Check", "check_accounts", "check_tariff"]
