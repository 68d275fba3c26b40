"""Channels: where messages to those on duty go, and the outbox that they wait in."""
