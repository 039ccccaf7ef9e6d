"""The command line: composition roots, nothing else."""
