"""The words between an agent and its stations.

A station is a pure state machine for one point: ``step(state, input, now_ms) -> (state, effects)``. A module of this
folder is one kind of station, found by the name that a config gives as ``kind``. It offers:

- ``INPUTS``, ``OUTPUTS``: the names a config may wire, each with whether it must;
- ``Settings``: a Struct of its settings, every one with a default and a unit;
- ``start(point, settings) -> state``, ``step(state, input, now_ms)`` and ``report(state) -> Report``;
- if it has any, ``INSTRUMENTS`` and ``LINES``: what is read for it and whom it talks to, each with whether it must.

``now_ms`` is the monotonic clock. Inputs are facts that have happened; effects are done in order by the agent.
"""
