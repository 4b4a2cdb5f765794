"""Many machines: units of work done by the workers of a dask.distributed scheduler.

`ClusterPool` (pool.py) stands where a LocalPool stands. It connects (`connection.py`), checks each
worker before that gets work (`admission.py`), and submits a window of units. On every worker
`remote.py` has them done by a LocalPool of that machine, so that a decoder which crashes or hangs
costs one video there, too. What travels is pickled with its paths marked (`paths.py`), for each
machine may have the share in another place. `service.py` starts schedulers and workers.

Only the functions here import distributed, and only where a cluster is asked for.
"""
