"""PINs that people key in behind their card, and who may override a lockdown."""
