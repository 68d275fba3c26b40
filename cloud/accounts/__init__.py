"""An operator's own account: the password, and the logins that stand."""
