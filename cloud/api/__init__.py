"""The API under `/api/v1`: JSON for programs, with the same rights as the console."""
