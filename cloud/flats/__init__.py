"""The flats of the estate: where each is, and which points lead home."""
