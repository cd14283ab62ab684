"""
The console, the JSON API and the webhook door.

Pages are rendered here and need no script to read or decide; nothing is fetched from another host. A page calls
``observe`` for what it shows and a command for what it does; it computes no figure of its own. The webhook door stores
what came and answers; it acts on nothing.

To add a page, write the view in ``observe``, a route, and a template; the accessibility and keyboard test finds every
route by itself.
"""
