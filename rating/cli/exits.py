"""Exit codes of every command (SPEC 12, STYLE 7)."""

DONE, LOOK, NOTHING = 0, 1, 2
"""Clean; done, with something to look at (rejects, unrated calls, warnings); nothing done."""
