"""The catalogue: an SQLite cache of what the sidecars of a library say, and queries on it.

Which way data goes: `scan` lists the videos of a folder with their sidecars and gives each a stamp;
`catalogue` compares the stamps with the database, reads the sidecars of those that changed into
rows (`records`), and writes these by `store`, which opens the database and replaces a damaged one.
Listings and searches are answered from the database alone, by conditions that `query` compiles.
`pool` keeps catalogues open and current for a server. Any database can be deleted at any time:
sidecars are the truth.

`watching` needs no database: it notices videos that come, change or go, as `folder_events` tell of
them, and gives them out when they are complete, as `settling` decides.
"""
