"""The only mutable truth: the document, the cursor, the selection, the playback and the session."""
