"""What the property office does for households and companies: members, renewals, merges, moving days."""
