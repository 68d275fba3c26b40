"""Points and zones: where they stand, who gets in there, and the page on which they are opened and locked."""
