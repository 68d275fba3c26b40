"""How long the cloud holds what happened, and what stays of it then."""
