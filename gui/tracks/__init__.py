"""The tracks of the score: one file a track, which registers what it makes by being there."""
