"""People who walk, and riders who charge."""
