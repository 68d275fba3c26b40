"""Telephones of residents: each with a key of its own, and the pages that they open."""
