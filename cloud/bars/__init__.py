"""Who is barred for a time: entered by one operator, confirmed by another."""
