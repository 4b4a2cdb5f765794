"""The catalogue: an SQLite cache of what the sidecars of a library say, and queries on it.

scan finds the videos of a folder with their sidecars; catalogue compares them with the database
(store), reads those that changed into rows (records), and answers queries (query) from it; pool
keeps catalogues open and current for a server. Any database can be deleted: sidecars are the truth.
"""
