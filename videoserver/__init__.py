"""The server behind the routes of api.py: from a request to what the library answers.

Which way data goes: `app` lets a request in (hosts, origins, token) or refuses it, `models` has the
shapes of bodies and answers, and the routes in api.py call `service`. That answers from the library
in three ways: by a command of index.py, which `commands` builds as the folder and the roots demand;
by `files` and `people`, which read what is stored of single videos and of the people in a folder;
or by a job on the board of `jobs`, whose events clients follow. `http` sends JSON, problems and
events, `downloads` files. `connections` ends those whose clients keep the server waiting.
`settings` is what the server is started with. `hls` plays films that browsers cannot play.

Only `app`, `connections`, `downloads`, `http` and `models` know of HTTP; the rest takes plain
values and gives plain data.
"""
