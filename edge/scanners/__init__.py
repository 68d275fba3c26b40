"""Scanners of codes and cameras of plates: from a serial port or a keyboard to lines of text."""
