"""What a browser calls itself, in two words. Pure.

Every browser says that it is several others too: the first of these names that it says is its own.
"""

MAX_AGENT = 400
_PROGRAMS = {
    "MicroMessenger": "WeChat",
    "Edg": "Edge",
    "OPR": "Opera",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
    "hearthgate": "Hearthgate",
    "curl": "curl",
    "python": "Python",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "Mac",
    "Linux": "Linux",
}


def browser_of(agent: str) -> str:
    """Such as "Firefox, Windows", by the header ``User-Agent``; empty where nothing is known of it."""
    said = agent[:MAX_AGENT]
    found = (next((name for sign, name in signs.items() if sign in said), "") for signs in (_PROGRAMS, _SYSTEMS))
    return ", ".join(filter(None, found))
