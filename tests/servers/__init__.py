"""Real servers for the tests: each is started on loopback, on free ports, and ended with the tests.

| module | what runs |
|---|---|
| `bluesky` | PLC directory, PDS and AppView of Bluesky, with the PostgreSQL and Redis they need |
| `synapse` | a Matrix homeserver |
| `mastodon` | mastodon-mock, a *stand-in*: its docstring lists what it does not do |
| `mail` | an SMTP server that keeps what it receives |

From the command line: `python -m tests.servers install` fetches everything beforehand,
`python -m tests.servers bluesky` keeps a server running till Ctrl-C and prints its addresses
and accounts as one line of JSON. For pytest see `tests.servers.fixtures`.
"""
