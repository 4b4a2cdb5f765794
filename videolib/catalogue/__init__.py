"""The SQLite cache of what is known of a library, and the queries on it."""
