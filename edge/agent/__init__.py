"""The agent: it hears cards, inputs and commands, asks the rule, and has the stations' effects done."""
