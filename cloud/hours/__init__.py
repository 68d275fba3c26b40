"""Hours in which plans open zones, and the calendar of special days that some of them follow."""
