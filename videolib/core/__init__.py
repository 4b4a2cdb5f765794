"""Ground floor: errors, text, files, processes, options, runs and workers. It knows no video."""
