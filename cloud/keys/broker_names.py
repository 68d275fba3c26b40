"""Who the cloud and its helpers are at the broker: names that no device may bear."""

CLOUD, WATCH, HEALTH = "cloud", "watch", "health"
"""The cloud, ``hearthgate-cloud watch`` and a check of the broker's health. A broker tells identities apart by nothing
but their names."""
OURS = CLOUD, WATCH, HEALTH
