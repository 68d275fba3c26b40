"""The gatehouse: one page from which a guard opens a gate, finds a flat, a plate or a code, and lets help in."""
