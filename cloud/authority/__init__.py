"""What happened, given to an authority: entered by one operator, released by another, and proved to a stranger."""
