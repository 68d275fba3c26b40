"""The central system for charging posts, in OCPP 1.6J and 2.0.1."""
