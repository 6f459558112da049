"""The engines: one file each, computing a run."""
