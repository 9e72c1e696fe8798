"""CDR sources: files and tables of any known format to `schema.Calls` and rejects.

A format is one module with a reader; `readers.py` is the list of them.
"""

from rating.sources.block import Options
from rating.sources.reading import InputFile, Reading, read_files

__all__ = ["InputFile", "Options", "Reading", "read_files"]
