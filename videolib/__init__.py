"""What index.py is made of: artifacts beside videos, and what is known of a library from them.

It knows neither command lines nor HTTP. Imports point down: core, storage, media, catalogue, then
speech, faces and duplicates, then organize.
"""
