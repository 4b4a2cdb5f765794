"""Duplicates: which videos show the same, which copy to keep, and what is done with the others.

Which way data goes: `copies` lists the videos and finds those with equal bytes. The phash artifacts
of the others, which media/hashing makes, are read as `fingerprints` and, for a deep search, as
`timelines`; `candidates` proposes pairs of them, and `matching` compares these, with the arithmetic
of `luma` and `alignment`. `search` runs both, and keeps in the catalogue what was compared.
`groups` puts the matches around the copies that `keepers` ranks best by their `quality`, as
`preferences` order it, without the `ignored` pairs. `sound` says what would no longer be heard.

`report` does all of that in one call, `rendering` shows a report, `removal` acts on it.
"""
