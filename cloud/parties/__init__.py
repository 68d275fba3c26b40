"""Who belongs together: flats, companies, clubs, classes and crews, and their members."""
