"""Emergencies and drills of the zones, and who was inside."""
