"""Who answers for which part of the estate, and who may be rung when."""
