"""The window: state, frames, and what paints them."""
