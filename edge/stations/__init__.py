"""The kinds of station, each a module or a folder, found by the name that a config gives as ``kind``.

A station is a pure state machine for one point: ``step(state, input, now_ms) -> (state, effects)``, over the inputs and
effects of ``edge.archetypes.protocol``. A kind offers:

- ``INPUTS``, ``OUTPUTS``: the names a config may wire, each with whether it must;
- ``Settings``: a Struct of its settings, every one with a default and a unit;
- ``start(point, settings) -> state``, ``step(state, input, now_ms)`` and ``report(state) -> Report``;
- if it has any, ``INSTRUMENTS`` and ``LINES``: what is read for it and whom it talks to, each with whether it must.

``now_ms`` is the monotonic clock. Inputs are facts that have happened; effects are done in order by the agent.
"""
