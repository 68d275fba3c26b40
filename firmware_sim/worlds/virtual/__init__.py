"""A town in virtual time, its troubles and its audits."""
