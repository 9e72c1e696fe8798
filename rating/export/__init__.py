"""Results to files: tables, CSV, Parquet, run.json, and the folder that appears whole."""
