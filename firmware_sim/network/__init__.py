"""Simulated networks: a broker in memory, a link that breaks, a proxy that mistreats readings."""
