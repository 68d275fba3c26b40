"""The connection to the cloud, and what goes over it unasked."""
