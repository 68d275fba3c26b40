"""The kinds of station, each a module or a folder, found by the name that a config gives as ``kind``.

A station is a pure state machine for one point: ``step(state, input, now_ms) -> (state, effects)``, over the inputs and
effects of ``edge.archetypes.protocol``. A kind's file offers one ``KIND``: see ``edge.archetypes.station``. Ours take
an input by a class of their own, which gathers the effects on the way: see ``edge.archetypes.station``.

``now_ms`` is the monotonic clock. Inputs are facts that have happened; effects are done in order by the agent.
"""
