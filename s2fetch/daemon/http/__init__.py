"""The daemon's HTTP face: health, metrics, a typed API and a page, over any `Controls`.

face      what the daemon starts: binds, serves, ends
settings  what an operator may set, and what is refused before anything listens
guard     who may ask what: Host, origin, token, client certificate, the answers' headers
routes    one table of everything that can be asked; openapi describes it from there
api       health  metrics  stream  page: the answers
"""

from s2fetch.daemon.http.face import HttpFace
from s2fetch.daemon.http.settings import HttpSettings

__all__ = ["HttpFace", "HttpSettings"]
