"""Riders who have never been here: from the poster at the gate to a permit, with one tap of the guard."""
