"""Films for browsers that cannot play the files themselves: HLS with segments of fragmented MP4.

Which way data goes: `hls_service` answers the routes. `examine` looks at a film once, in a worker,
and `choice` decides by that, and by what the browser says it plays, how the film is sent: as it is,
with its streams copied into segments, or encoded. `cuts` says where segments begin, `playlist`
writes it down. `remux` makes one segment of copied packets, in a worker, and needs nothing but the
file. An encoded film comes from one ffmpeg for each viewer: `command` has its arguments, `encoder`
runs it, reads its segments and stops it, `segment_cache` keeps them. `boxes` knows the boxes of
MP4. `texts` makes WebVTT of subtitles inside the film.
"""
