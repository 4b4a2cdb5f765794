"""Exports: what is known of videos, written where other programs look for it.

`table` names the formats. A format (see `formats`) gives names and bytes of what is known of one
video (`sources`), from sidecars or from frames; or of all videos that a query finds. The rest is
one mechanism: `targets` decides whether its names are free, this program's own or somebody else's,
`publishing` puts the files there whole and records them (storage/exported), `removal` takes back
what is recorded. Options stay in index.py; a format is a frozen dataclass, and whatever options are
called as its fields become its parameters.
"""
