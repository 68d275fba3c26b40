"""What several kinds of station share: inputs and effects, faults, passages, sessions, power, modes. Pure."""
