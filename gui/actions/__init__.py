"""What the user can do: one table of actions, which menus, palette and help read."""
