"""`python -m rating.cli`."""

from rating.cli import main

main(prog_name="trunkrate")
