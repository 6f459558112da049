"""What runs beside the window: a worker thread, and the mailbox between it and the GUI's thread."""
