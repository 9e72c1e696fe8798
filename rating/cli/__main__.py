"""`python -m rating.cli`."""

from rating.cli.start import run

run()
