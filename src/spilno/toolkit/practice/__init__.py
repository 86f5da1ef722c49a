"""Practice networks: loopback servers that speak the wire protocol of networks one cannot rehearse on.

``python -m spilno.toolkit.practice --port 8100 --state practice.json --seed spring`` starts one process that speaks
the Graph protocol of Instagram and of Facebook pages and Telegram's Bot API, and shows on its own pages what was
posted. Nothing that is posted there ever becomes public.

In a test::

    with start(seed="test") as practice:
        account = practice.state.add_account(network="instagram", name="books")
        practice.graph_url  # what the connector is told instead of graph.facebook.com
"""

from spilno.toolkit.practice.server import Practice, start
from spilno.toolkit.practice.state import State

__all__ = ["Practice", "State", "start"]
