"""What stands between the routes of `api` and the library.

A request comes in by `app` (hosts, origins, token) and `http`, is checked against `models`, and
goes to `service`, which answers it from the library (`files`, `people`, and the commands that
`commands` builds) or puts a job on the board of `jobs`. Only `app`, `http` and `models` know of
HTTP; the rest takes plain values and gives plain data. `settings` is what the server starts with.
"""
