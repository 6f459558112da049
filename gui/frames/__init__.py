"""Pure functions without Qt: a trace, a cursor and a selection give a frozen description of what to draw."""
