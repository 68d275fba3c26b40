"""The roster: who may pass, fetched page by page and kept in one file."""
