"""The agent: it handles cards, inputs and commands, asks the rule, and has the stations' effects done."""
