"""Meters and what else is read over Modbus."""
