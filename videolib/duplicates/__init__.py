"""Duplicates: which videos show the same, which copy to keep, and what is done with the others.

Which way data goes: phash artifacts (made by media/hashing) are read as `fingerprints` and, of a
deep search, `timelines`. `copies` lists the videos and finds those with equal bytes; of the others
`candidates` proposes pairs, `matching` judges them with the arithmetic of `luma` and `alignment`,
and `search` runs both, remembering in the catalogue what was compared. `groups` puts what matches
around the copies that `keepers` ranks best, without the `ignored` pairs. `report` is all of that in
one call, `rendering` shows what came of it, `removal` acts on it.
"""
