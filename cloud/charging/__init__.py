"""Charging: what sockets and posts are doing, sessions and their receipts, and the public pages of hubs."""
